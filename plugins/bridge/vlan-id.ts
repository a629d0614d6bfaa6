/** The highest VLAN ID; 4095 is reserved. IEEE 802.1Q, 9.6 */
export const MAX_VLAN = 4094;

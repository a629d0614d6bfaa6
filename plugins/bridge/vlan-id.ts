/** Highest ID that a VLAN may have; 4095 is reserved. IEEE 802.1Q, 9.6 */
export const MAX_VLAN = 4094;

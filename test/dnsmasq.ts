/** dnsmasq as a DHCP server alone, in the foreground: it reads no configuration of the machine, and answers at once. Its arguments follow. */
export const DNSMASQ: readonly string[] = [
  "dnsmasq",
  "--no-daemon",
  "--conf-file=/dev/null",
  "--user=root",
  "--port=0",
  "--no-ping",
  "--dhcp-authoritative",
];

// The rules of kube-proxy's iptables mode, in as many chains: of each service one, and of its only pod another.

/** Input of iptables-restore with the rules of so many services. Each packet to a service passes all rules before its own. */
export function formatServices(count: number): string {
  const services = Array.from({ length: count }, (_, i) => {
    const [digits, host] = [String(i).padStart(16, "0"), `${i >> 8}.${i & 255}`];
    return {
      service: `KUBE-SVC-${digits}`,
      pod: `KUBE-SEP-${digits}`,
      cluster: `10.96.${host}`,
      target: `10.2.${host}`,
    };
  });
  return [
    "*nat",
    ":KUBE-SERVICES -",
    ...services.flatMap(({ service, pod }) => [`:${service} -`, `:${pod} -`]),
    ...["PREROUTING", "OUTPUT"].map((chain) => `-A ${chain} -j KUBE-SERVICES`),
    ...services.flatMap(({ service, pod, cluster, target }) => [
      `-A KUBE-SERVICES -d ${cluster}/32 -p tcp -m comment --comment "${service}" -m tcp --dport 80 -j ${service}`,
      `-A ${service} -j ${pod}`,
      `-A ${pod} -p tcp -m tcp -j DNAT --to-destination ${target}:8080`,
    ]),
    "COMMIT",
    "",
  ].join("\n");
}

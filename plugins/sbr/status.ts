import type { Request } from "../../src/cni/request.ts";
import { listRules } from "../../src/netlink/rule/list.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import type { Host } from "../../src/steps/host.ts";
import { refuseProblems } from "../../src/steps/problems.ts";
import { NO_RULES } from "../../src/steps/routing-tables.ts";
import { parseSbrConfig } from "./config.ts";

/** Whether an ADD could succeed: asks the kernel for its policy rules. @throws CniError invalidConfig, or unavailable with the remedy */
export function status(request: Request, host: Host): void {
  parseSbrConfig(request);
  const rules = ignoring(NO_RULES, () => listRules(host.netlink, 4));
  const lack = "The kernel has no policy rules: use a kernel with CONFIG_IP_MULTIPLE_TABLES";
  refuseProblems(rules === undefined ? [lack] : []);
}

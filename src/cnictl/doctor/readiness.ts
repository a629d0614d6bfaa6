import { CniError, ERROR_CODES, fullReasonOf } from "../../cni/error.ts";
import type { Network } from "../../runtime/network.ts";
import { checkStatus } from "../../runtime/status.ts";
import { type Check, type Examination, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { cureForStatus } from "./gateways.ts";
import { needsOf } from "./needs.ts";

/** How long in milliseconds each plugin may take for STATUS. */
const DEADLINE = 5_000;

/** STATUS of every network. It runs the plugins, as a runtime does every few seconds. */
export const statusCheck: Check = {
  name: "status",
  run: (examination) =>
    examination.networks.flatMap((network) => orCannotTell(network.name, () => judge(examination, network))),
};

function judge(examination: Examination, network: Network): readonly Found[] {
  const { runtime, silent } = examination;
  const subject = network.name;
  const type = needsOf(network).types.find((each) => silent.has(each));
  if (type !== undefined) {
    return [
      { level: "warning", subject, message: `cannot tell: plugin ${type} is not called, because ${silent.get(type)}` },
    ];
  }
  const logged: string[] = [];
  const notes = (): readonly Found[] => logged.map((message) => ({ level: "note", subject, message }));
  try {
    const asked = checkStatus({ ...runtime, deadline: DEADLINE, log: (line) => logged.push(line) }, network);
    if (asked) return [{ level: "ok", subject, message: "containers can be attached" }, ...notes()];
    const version = network.cniVersion || "0.1.0";
    return [{ level: "ok", subject, message: `not asked: version ${version} has no STATUS` }];
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return [{ level: "error", subject, ...describe(examination, network, error) }, ...notes()];
  }
}

/** What STATUS says of a kind of links that the kernel lacks, and how to load it. */
const LOADING = /(links of kind "[^"]*"): load its module, "modprobe [^"]*"/g;

/** The codes of STATUS, with which the details of our plugins say what helps. */
const UNAVAILABLE: readonly number[] = [ERROR_CODES.unavailable, ERROR_CODES.limitedConnectivity];

/** The codes of a list that is wrong. */
const WRONG_LIST: readonly number[] = [
  ERROR_CODES.invalidConfig,
  ERROR_CODES.incompatibleVersion,
  ERROR_CODES.decodingFailure,
];

function describe(examination: Examination, network: Network, error: CniError): Pick<Found, "message" | "cure"> {
  const { lacking, isOurs } = examination;
  const { code, message, details } = error;
  const lack = lacking.get(network.name);
  if (lack !== undefined && fullReasonOf(error).includes("modprobe"))
    return { message: message.replaceAll(LOADING, "$1"), cure: lack };
  const known = cureForStatus(examination, network.name, message);
  if (details !== "" && UNAVAILABLE.includes(code) && needsOf(network).types.every(isOurs))
    return { message, cure: details };
  const isWrong = WRONG_LIST.includes(code) && network.file !== undefined;
  return { message: fullReasonOf(error), cure: known === "" && isWrong ? `cnictl validate ${network.file}` : known };
}

import type { Json } from "../fuzz/networks.ts";
import { Random } from "../fuzz/random.ts";
import type { Ended } from "../fuzz/verdict.ts";
import { chainOf } from "./chain.ts";
import { leasedByServer } from "./dhcp-server.ts";
import type { Finding } from "./finding.ts";
import type { Group } from "./groups.ts";
import { countInjected, type Fault, injecting, RECORDING, readFaults } from "./injection.ts";
import { differencesFrom, isLease, kindsOf, type Snapshot, takeSnapshot } from "./snapshot.ts";
import { NOBODY, Stage, type Ways } from "./stage.ts";

/** Plays a group's faults, or as many of them as is told, picked by the seed. */
export function playGroup(
  group: Group,
  { seed, most, only }: { seed: number; most: number; only?: string | undefined },
): { faults: number; findings: readonly Finding[] } {
  const name = `${group.chain} ${group.index} ${group.situation}`;
  const findings: Finding[] = [];
  let scene: Scene | undefined;
  let count = 0;
  for (const fault of pick(recordFaults(group), { seed, most, only })) {
    scene ??= new Scene(group);
    const stage = scene.stage;
    stage.begin();
    try {
      scene.play(fault);
    } catch (error) {
      stage.find(`${name}: cannot go on`, String(error));
    }
    count++;
    const repeat = `--part calls --group "${name}" --only "${fault.syscall} ${fault.when} ${fault.error}"`;
    findings.push(...stage.findings.map((finding) => ({ ...finding, repeat })));
    if (stage.findings.length > 0) scene = undefined;
  }
  return { faults: count, findings };
}

function recordFaults(group: Group): readonly Fault[] {
  const scene = new Scene(group);
  scene.prepare();
  scene.act(RECORDING);
  return readFaults();
}

function pick(
  faults: readonly Fault[],
  { seed, most, only }: { seed: number; most: number; only?: string | undefined },
): readonly Fault[] {
  if (only !== undefined) return faults.filter(({ syscall, when, error }) => `${syscall} ${when} ${error}` === only);
  const random = new Random(seed);
  const rest = [...faults];
  return Array.from(
    { length: Math.min(most, rest.length) },
    () => rest.splice(random.below(rest.length), 1)[0] as Fault,
  );
}

/** The world in which a verb is called with one fault after the other. */
class Scene {
  readonly stage: Stage;
  readonly #group: Group;
  /** What the plugins before this one printed. */
  #previous: Json | undefined;
  /** Without this plugin's attachment. */
  #before: Snapshot = new Set();
  /** Where the attachment stays: what ADD printed, and what there is. */
  #result: Json | undefined;
  #during: Snapshot = new Set();
  /** What the server has leased since an earlier fault. */
  #leasedBefore: readonly string[] = [];
  /** After GC, which may leave more than DEL. */
  #collected: Snapshot = new Set();

  constructor(group: Group) {
    this.#group = group;
    this.stage = new Stage(chainOf(group.chain), "");
    this.stage.clear();
    const { index, situation } = group;
    this.#previous = this.stage.attach(index).at(-1);
    if (situation === "first ADD") return;
    // The first one makes what stays: the bridge, its addresses, tables without elements.
    const result = this.stage.add(index, this.#ways());
    this.stage.succeed(index, "DEL", this.#ways(result));
    this.#before = takeSnapshot();
    if (situation === "CHECK of nothing") this.#result = result;
    if (situation === "CHECK") this.#keep();
    if (situation === "GC") this.#collect();
  }

  /** What has to be there before the verb. */
  prepare(): void {
    const { index, situation } = this.#group;
    if (situation === "first ADD") {
      this.stage.clear();
      this.#before = takeSnapshot();
    }
    if (situation === "DEL" || situation === "GC") this.#result = this.stage.add(index, this.#ways());
  }

  /** The verb itself. */
  act(wrapper: readonly string[], tolerated?: RegExp): Ended {
    const { index, situation } = this.#group;
    const verb = situation === "first ADD" ? "ADD" : (situation.split(" ")[0] ?? "");
    const ways = { ...this.#ways(verb === "ADD" || verb === "STATUS" ? undefined : this.#result), wrapper, tolerated };
    return this.stage.call(index, verb, verb === "GC" ? { ...ways, ...NOBODY } : ways);
  }

  play(fault: Fault): void {
    this.#leasedBefore = leasedByServer();
    this.prepare();
    const ended = this.act(injecting(fault), toleratedOf(fault));
    const { situation } = this.#group;
    if (situation === "ADD" || situation === "first ADD") this.#verifyAdd(fault, ended);
    else if (situation === "DEL") this.#verifyDel(fault, ended);
    else if (situation === "GC") this.#verifyGc(fault, ended);
    else if (situation === "CHECK") this.#expect(fault, this.#during, "changed by a failing CHECK");
    else this.#expect(fault, this.#before, `changed by a failing ${situation}`);
    if (situation === "CHECK of nothing" && ended.status === 0)
      this.#find(fault, "says that all is well where nothing is", ended.stderr);
  }

  #verifyAdd(fault: Fault, { status, stdout }: Ended): void {
    const { index } = this.#group;
    if (status !== 0) {
      // A second fault in the undo leaves the rest to DEL.
      if (countInjected() < 2) this.#expect(fault, this.#before, "left behind by an ADD that failed");
      if (countInjected() < 2 && this.stage.findings.length === 0) return;
      this.stage.succeed(index, "DEL", this.#ways());
      this.#expect(fault, this.#before, "left behind by an ADD that failed, and by the DEL after it");
      return;
    }
    const result: Json = JSON.parse(stdout);
    const checked = this.stage.call(index, "CHECK", this.#ways(result));
    if (checked.status !== 0) this.#find(fault, "ADD says that it has done what CHECK does not find", checked.stdout);
    this.stage.succeed(index, "DEL", this.#ways(result));
    this.#expect(fault, this.#before, "left behind by ADD and DEL");
  }

  #verifyDel(fault: Fault, { status }: Ended): void {
    if (status === 0) this.#expect(fault, this.#before, "left behind by a DEL that says 0");
    if (status === 0 && this.stage.findings.length === 0) return;
    this.stage.succeed(this.#group.index, "DEL", this.#ways(this.#result));
    this.#expect(fault, this.#before, "left behind by the DEL after one that failed");
  }

  #verifyGc(fault: Fault, { status }: Ended): void {
    const { index } = this.#group;
    if (status === 0) this.#expect(fault, this.#collected, "left behind by a GC that says 0");
    else {
      this.stage.succeed(index, "GC", NOBODY);
      this.#expect(fault, this.#collected, "left behind by the GC after one that failed");
    }
    this.stage.succeed(index, "DEL", this.#ways(this.#result));
    this.#expect(fault, this.#before, "left behind by GC and DEL");
  }

  #keep(): void {
    this.#result = this.stage.add(this.#group.index, this.#ways());
    this.#during = takeSnapshot();
  }

  #collect(): void {
    const { index } = this.#group;
    this.#result = this.stage.add(index, this.#ways());
    this.stage.succeed(index, "GC", NOBODY);
    this.#collected = takeSnapshot();
    this.stage.succeed(index, "DEL", this.#ways(this.#result));
    // Settings of a container that GC took for gone are not put back.
    this.#before = takeSnapshot();
  }

  #ways(prevResult = this.#previous): Ways {
    return { prevResult };
  }

  #expect(fault: Fault, expected: Snapshot, kind: string): void {
    const differences = differencesFrom(
      expected,
      (line) => expected.has(line) || !isLease(line) || !this.#mayBeLeased(fault, line),
    );
    const told = this.#group.situation === "first ADD" ? differences.filter((line) => !isLasting(line)) : differences;
    if (told.length > 0) this.#find(fault, `${kind}: ${kindsOf(told)}`, told.slice(0, 20).join("\n"));
  }

  /** Without poll(2), a client does not learn what a server gives it. */
  #mayBeLeased({ syscall }: Fault, line: string): boolean {
    return (
      syscall === "poll" || this.stage.mayBeLeased || this.#leasedBefore.some((address) => line.endsWith(` ${address}`))
    );
  }

  #find({ syscall, error }: Fault, kind: string, text: string): void {
    const { chain, index, situation } = this.#group;
    this.stage.find(`${chain}: ${this.stage.nameOf(index)} ${situation}, ${syscall} ${error}: ${kind}`, text);
  }
}

/** An answer that cannot be written is none, and a process without memory tells on standard error where it ran out of it. */
function toleratedOf({ syscall, isOutput }: Fault): RegExp | undefined {
  if (isOutput === true) return /no error object|output of another form/;
  return ["mmap", "mremap", "brk"].includes(syscall) ? /a stack on standard error/ : undefined;
}

/** What the first ADD makes and no DEL takes away: empty tables, settings of the bridge, notes of the boot. A bridge says that it is ours. */
function isLasting(line: string): boolean {
  if (/^more: host link \S+ .*"kind":"bridge"/.test(line)) return line.includes('"ifalias":"');
  if (/^more: rule /.test(line)) return !/[0-9a-f]{16}-[0-9a-f]{16}|elements = /.test(line);
  return /^more: (host (address|route)|file \S+\/(last_reserved_ip|\.state\/boot)|qdisc)/.test(line);
}

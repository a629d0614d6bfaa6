import { isObject, type Json, type JsonObject } from "./networks.ts";
import type { Random } from "./random.ts";
import { anyValue, MEMBERS, type Member, OWN_MEMBERS, valueFor, word } from "./value.ts";

/** A place in a document: its holder, and under which key or index it is there. */
interface Place {
  readonly holder: Json[] | JsonObject;
  readonly key: string | number;
}

/** Keys without which little else of a configuration is looked at: they are changed less often. */
const DECISIVE: readonly (string | number)[] = ["cniVersion", "name", "type"];

/** Changes a document in one place; its own objects are changed. */
export function mutateJson(random: Random, document: JsonObject): void {
  const places = placesIn(document);
  const objects = places.map(valueAt).filter(isObject);
  if (places.length === 0 || random.chance(0.3))
    addMember(random, document, OWN_MEMBERS.get(String(document["type"])) ?? MEMBERS);
  else if (objects.length > 0 && random.chance(0.2)) addMember(random, random.pick(objects), MEMBERS);
  else changePlace(random, places);
}

function changePlace(random: Random, places: readonly Place[]): void {
  const rare = random.chance(0.1);
  const usual = places.filter(({ key }) => !DECISIVE.includes(key));
  const place = random.pick(rare || usual.length === 0 ? places : usual);
  const value = valueAt(place);
  const way = random.below(8);
  if (way === 0) remove(place);
  else if (way === 1) put(place, anyValue(random));
  else if (way === 2) put(place, valueAt(random.pick(places)));
  else if (way === 3) put(place, random.chance(0.5) ? [value] : { [random.pick(MEMBERS).key]: value });
  else if (way === 4) rename(random, place);
  else put(place, similar(random, value));
}

/** Another value of the same kind. */
function similar(random: Random, value: Json): Json {
  if (typeof value === "boolean") return !value;
  if (typeof value === "number")
    return random.chance(0.5) ? value + random.pick([1, -1, 0.5, 65_536]) : Number(anyNumber(random));
  if (typeof value === "string") return random.chance(0.7) ? word(random) : changeText(random, value);
  if (Array.isArray(value)) return random.chance(0.5) ? [...value, ...value] : value.slice(1);
  return anyValue(random);
}

function anyNumber(random: Random): number {
  return random.integer() / random.pick([1, 256, 65_536, -1]);
}

function changeText(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  return (
    text.slice(0, at) +
    random.pick(["", "0", "/", ":", ".", " ", "\n", "9", "a", "\u0000", "é"]) +
    text.slice(at + random.below(2))
  );
}

function addMember(random: Random, object: JsonObject, members: readonly Member[]): void {
  const { key, schema } = random.pick(members);
  object[random.chance(0.03) ? key.toUpperCase() : key] = valueFor(random, schema);
}

function rename(random: Random, place: Place): void {
  const value = valueAt(place);
  const { holder, key } = place;
  if (Array.isArray(holder)) return;
  delete holder[key];
  holder[random.chance(0.5) ? String(key).toUpperCase() : random.pick(MEMBERS).key] = value;
}

function remove({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

function put({ holder, key }: Place, value: Json): void {
  // A copy, or a document could come to hold itself.
  const copy = structuredClone(value);
  if (Array.isArray(holder)) holder[Number(key)] = copy;
  else holder[key] = copy;
}

function valueAt({ holder, key }: Place): Json {
  return (Array.isArray(holder) ? holder[Number(key)] : holder[key]) ?? null;
}

function placesIn(document: Json): readonly Place[] {
  const found: Place[] = [];
  const waiting: Json[] = [document];
  for (let holder = waiting.pop(); holder !== undefined && found.length < 2000; holder = waiting.pop()) {
    if (typeof holder !== "object" || holder === null) continue;
    for (const [name, value] of Object.entries(holder)) {
      found.push({ holder, key: Array.isArray(holder) ? Number(name) : name });
      waiting.push(value);
    }
  }
  return found;
}

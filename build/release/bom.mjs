// The bill of materials: CycloneDX 1.6 as JSON. https://cyclonedx.org/docs/1.6/json/
import { createHash } from "node:crypto";

/** The text of the bill. */
export function formatBom({ version, commit, time }, components) {
  const product = {
    ...{ type: "application", "bom-ref": `cni-plugins-ts@${version}`, name: "cni-plugins-ts", version },
    ...{ licenses: [{ license: { id: "Apache-2.0" } }], purl: `pkg:generic/cni-plugins-ts@${version}` },
    properties: [{ name: "commit", value: commit }],
  };
  const bill = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    ...{ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 },
    metadata: { timestamp: new Date(time * 1000).toISOString(), component: product },
    components: components.map(formatComponent),
    dependencies: [
      { ref: product["bom-ref"], dependsOn: components.map(({ purl }) => purl) },
      ...components.map(({ purl }) => ({ ref: purl })),
    ],
  };
  return `${JSON.stringify({ ...bill, serialNumber: `urn:uuid:${uuidOf(bill)}` }, null, 2)}\n`;
}

function formatComponent({ name, version, license, purl, hash, description }) {
  return {
    ...{ type: "library", "bom-ref": purl, name, version, description, scope: "required" },
    ...(hash === undefined ? {} : { hashes: [hash] }),
    ...{ licenses: [{ license: { id: license } }], purl },
  };
}

/** A UUID by the content, so that the same content has the same. RFC 9562, version 8 */
function uuidOf(content) {
  const digest = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  const variant = "89ab"[Number.parseInt(digest[16], 16) % 4];
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `${variant}${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join("-");
}

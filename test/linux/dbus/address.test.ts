import { expect, it } from "vitest";
import { systemBusSockets } from "../../../src/linux/dbus/address.ts";

it.each([
  ["unix:path=/run/a%20b", ["/run/a b"]],
  ["unix:abstract=/tmp/x,guid=12ab", ["\0/tmp/x"]],
  ["tcp:host=localhost,port=1;unix:guid=1,path=/b", ["/b"]],
  ["unix:path=/a;unix:path=/b", ["/a", "/b"]],
  ["unix:path=/100%", ["/100%"]],
  ["unix:tmpdir=/tmp", []],
  ["nonunix:path=/a", []],
  ["", []],
])("systemBusSockets reads %s", (address, sockets) => {
  expect(systemBusSockets({ DBUS_SYSTEM_BUS_ADDRESS: address })).toEqual(sockets);
});

it("systemBusSockets knows where the bus is without a variable", () => {
  expect(systemBusSockets({})).toEqual(["/run/dbus/system_bus_socket"]);
});

//! SHA-2 of Zig's standard library, for host.c.
const sha2 = @import("std").crypto.hash.sha2;

export fn sha256(bytes: [*]const u8, size: usize, digest: *[32]u8) void {
    sha2.Sha256.hash(bytes[0..size], digest, .{});
}

export fn sha512(bytes: [*]const u8, size: usize, digest: *[64]u8) void {
    sha2.Sha512.hash(bytes[0..size], digest, .{});
}

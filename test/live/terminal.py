# A terminal: runs a program in it, and types a line at each prompt.
# usage: python3 terminal.py PROMPT PROGRAM...   lines on standard input, in JSON
import json, os, pty, sys

prompt = sys.argv[1].encode()
lines = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
try:
    while True:
        part = os.read(terminal, 4096)
        if not part:
            break
        sys.stdout.buffer.write(part)
        seen += part
        if lines and prompt in seen:
            seen = b""
            os.write(terminal, lines.pop(0).encode())
except OSError:
    pass
os.waitpid(pid, 0)

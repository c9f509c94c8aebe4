#!/bin/sh
# How much the guard finds in the work trees of projects, beside other scanners: in well-known
# projects nearly all of it is no secret.
#   benches/precision.sh [--list] CLONE..
# The files of the newest commit are judged, in a copy. Counted are places: a line of a file,
# however many rules find something there. --list names ours. GSYNC names the program (default
# target/release/gsync); GITLEAKS, BETTERLEAKS and KINGFISHER its peers (default: on PATH; who
# is not there is left out). The clones are only read, and nothing is sent anywhere.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
GSYNC=${GSYNC:-$here/target/release/gsync}
GITLEAKS=${GITLEAKS:-gitleaks}
BETTERLEAKS=${BETTERLEAKS:-betterleaks}
KINGFISHER=${KINGFISHER:-kingfisher}
export GSYNC GITLEAKS BETTERLEAKS KINGFISHER
exec python3 - "$here/benches" "$@" <<'PY'
import os, subprocess, sys, tempfile

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import scanners

show = "--list" in sys.argv
clones = [word for word in sys.argv[2:] if not word.startswith("--")]
if not clones:
    sys.exit("usage: benches/precision.sh [--list] CLONE..")
tools = scanners.here()
rows, sums = [], {name: 0 for name in tools}
for clone in clones:
    with tempfile.TemporaryDirectory() as work:
        place = os.path.join(work, "files")
        os.mkdir(place)
        files = subprocess.Popen(["git", "-C", clone, "archive", "HEAD"], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", place], stdin=files.stdout, check=True)
        name = os.path.basename(os.path.normpath(clone))
        row = [name]
        for tool, scan in tools.items():
            found = scan(place, os.path.join(work, tool + ".json"))
            places = {(os.path.normpath(path), line) for path, line, _ in found}
            row.append(len(places))
            sums[tool] += len(places)
            if show and tool == "gsync":
                for path, line, rule in sorted(found):
                    print(f"{name} {path}:{line} {rule}")
        rows.append(row)
print("| | " + " | ".join(tools) + " |")
print("|---|" + "---:|" * len(tools))
for row in rows:
    print("| " + " | ".join(map(str, row)) + " |")
print("| **all** | " + " | ".join(str(sums[name]) for name in tools) + " |")
PY

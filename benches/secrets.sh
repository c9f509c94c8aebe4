#!/bin/sh
# Secrets in the newest commits of a clone: gsync beside its peers, in turn, in one run.
#   benches/secrets.sh CLONE [COMMITS] [ROUNDS]
# GSYNC names the program (default target/release/gsync); GITLEAKS, BETTERLEAKS and KINGFISHER
# their peers (default: on PATH; who is not there is left out). CLONE is only read.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
clone=${1:?a clone}
commits=${2:-1000}
rounds=${3:-9}
GSYNC=${GSYNC:-$here/target/release/gsync}
GITLEAKS=${GITLEAKS:-gitleaks}
BETTERLEAKS=${BETTERLEAKS:-betterleaks}
KINGFISHER=${KINGFISHER:-kingfisher}
export GSYNC GITLEAKS BETTERLEAKS KINGFISHER
exec python3 - "$clone" "$commits" "$rounds" <<'PY'
import os, random, shutil, statistics, subprocess, sys, time
clone, commits, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
base = f"HEAD~{commits}"
tools = {
    "gsync guard --range": [os.environ["GSYNC"], "-C", clone, "guard", "--range", base + "..HEAD"],
    "gitleaks git": [os.environ["GITLEAKS"], "git", "--no-banner", "--log-opts", base + "..HEAD", clone],
    "betterleaks git": [os.environ["BETTERLEAKS"], "git", "--no-banner", "--log-opts", base + "..HEAD", clone],
    "kingfisher scan": [os.environ["KINGFISHER"], "scan", clone, "--since-commit", base, "--no-validate",
                        "--no-update-check"],
    "git log -p -U0": ["git", "-C", clone, "log", "-p", "-U0", base + "..HEAD"],
}
tools = {name: line for name, line in tools.items() if shutil.which(line[0])}
times = {name: [] for name in tools}
for round in range(rounds + 1):
    order = list(tools)
    random.shuffle(order)
    for name in order:
        start = time.monotonic()
        subprocess.run(tools[name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       stdin=subprocess.DEVNULL)
        if round:
            times[name].append(time.monotonic() - start)
ours = statistics.median(times["gsync guard --range"])
print(f"| | median s | fastest s | times gsync |\n|---|---:|---:|---:|")
for name, all in sorted(times.items(), key=lambda item: statistics.median(item[1])):
    middle = statistics.median(all)
    print(f"| `{name}` | {middle:.2f} | {min(all):.2f} | {middle / ours:.1f} |")
PY

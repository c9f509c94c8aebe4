#!/usr/bin/env bash
# Measures how long it takes to read what many other clones tell, and prints Markdown.
set -euo pipefail

usage() {
	cat <<'USAGE'
usage: benches/peers.sh [--quick] [--peers N]

A hub with entries of 1,000 clones, each with a branch, ten changed paths and two unpushed
commits, and a clone that reads them: all for the first time, all known, and ten changed.

  --quick     few repetitions: to see that it works, not to quote
  --peers N   another number

GSYNC_BENCH_BIN is the gsync to measure (default: the static release build that install.sh
makes).
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
repeat=30 peers=1000
while [ $# -gt 0 ]; do
	case $1 in
	--quick) repeat=4 ;;
	--peers)
		peers=${2:-}
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		printf "error: unknown word '%s'\n" "$1" >&2
		printf "hint: see 'benches/peers.sh --help'\n" >&2
		exit 2
		;;
	esac
	shift
done
case $peers in '' | *[!0-9]* | 0)
	printf 'error: --peers takes a number\n' >&2
	exit 2
	;;
esac

# shellcheck source=benches/common.sh
. "$root/benches/common.sh"

hub=$work/hub.git
git init -q --bare "$hub"
git clone -q "$hub" "$work/clone" 2>/dev/null
git -C "$work/clone" commit -q --allow-empty -m start
git -C "$work/clone" push -q origin HEAD

cat >"$work/entries.py" <<'PY'
import datetime, json, sys
first, last, word, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.stdout
now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
for n in range(first, last):
    id = "peer%d@host%d" % (n, n)
    body = json.dumps({
        "gsync": 1, "id": id, "clone": word, "role": "peer%d" % n, "host": "host%d" % n,
        "branch": "feature/%d" % n, "head": "%040x" % n, "upstream": "origin/main", "ahead": 2,
        "behind": 1, "dirty": ["src/area%d/file%d.rs" % (n % 40, m) for m in range(10)],
        "unpushed": ["src/other%d.rs" % n], "more": 0,
        "outgoing": [{"id": "%040x" % (n + m), "summary": "work %d" % m, "author": "somebody",
                      "time": now} for m in range(2)],
        "state": "working", "time": now})
    out.write("commit refs/gsync/peers/%s\ncommitter bench <bench@localhost> 1763000000 +0000\n"
              "data 0\nM 100644 inline peer.json\ndata %d\n%s\n" % (id, len(body), body))
out.write("done\n")
PY
python3 "$work/entries.py" 0 "$peers" first | git -C "$hub" fast-import --quiet --done
git -C "$hub" gc --quiet

cat >"$work/time.py" <<'PY'
import json, os, statistics, subprocess, sys, time
work, gsync, repeat, peers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
clone, memory = work + "/clone", work + "/clone/.git/gsync/peers.json"

def call(*argv):
    start = time.perf_counter()
    done = subprocess.run(argv, cwd=clone, stdin=subprocess.DEVNULL, capture_output=True)
    took = (time.perf_counter() - start) * 1000
    if done.returncode:
        sys.exit("error: %s\n%s" % (" ".join(argv), (done.stdout + done.stderr).decode()[-2000:]))
    return took, done.stdout

def read():
    took, out = call(gsync, "peers", "--json")
    seen = json.loads(out)
    if len(seen["peers"]) != peers or seen["unreadable"]:
        sys.exit("error: %d peers were read, %d not" % (len(seen["peers"]), seen["unreadable"]))
    return took

def row(name, times):
    print("| %s | %.1f | %.1f | %.1f |" % (name, statistics.median(times), min(times), max(times)))

first, known, changed, cached, listing = [], [], [], [], []
for turn in range(repeat + 1):
    if os.path.exists(memory):
        os.remove(memory)
    one = [read(), read()]
    entries = subprocess.run(["python3", work + "/entries.py", "0", "10", "turn%d" % turn],
                             capture_output=True, check=True).stdout
    subprocess.run(["git", "-C", work + "/hub.git", "fast-import", "--quiet", "--done", "--force"],
                   input=entries, check=True)
    one += [read(), call(gsync, "peers", "--json", "--no-fetch")[0],
            call("git", "ls-remote", "origin", "refs/gsync/peers/*")[0]]
    # The first turn warms up the disk.
    if turn:
        for times, took in zip((first, known, changed, cached, listing), one):
            times.append(took)
print("| %d peers | median | fastest | slowest |\n|---|---:|---:|---:|" % peers)
row("`git ls-remote` alone", listing)
row("`gsync peers`, all for the first time", first)
row("`gsync peers`, all known", known)
row("`gsync peers`, ten of them changed", changed)
row("`gsync peers --no-fetch`", cached)
PY

printf 'Measured on %s: %s cores, %s, %s. Load at the start: %s.\n' "$(date -u +%Y-%m-%d)" \
	"$(getconf _NPROCESSORS_ONLN)" "$(git --version)" "$("$gsync" --version)" \
	"$(uptime | sed 's/.*average[s]*: *//')"
printf '\n## Reading what the others tell (ms)\n\n'
python3 "$work/time.py" "$work" "$gsync" "$repeat" "$peers"
printf '\nWanted: all for the first time in less than 100 ms.\n'

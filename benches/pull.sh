#!/usr/bin/env bash
# Measures a whole pull with uncommitted work, and a start with nothing new, beside git's own
# ways, interleaved in one run, and prints Markdown.
set -euo pipefail

usage() {
	cat <<'USAGE'
usage: benches/pull.sh [--quick] [--files N]

A generated repository of 57,000 files: three commits ahead, five behind that the clone has
not seen yet, 5 files edited, 3 new. Each timing has a fresh copy of the same clone; copying
it and letting git look at it once are not timed.

  --quick     few repetitions: to see that it works, not to quote
  --files N   another size (at least 4000)

GSYNC_BENCH_BIN is the gsync to measure (default: the static release build that install.sh
makes).
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
repeat_pull=7 repeat_start=40 files=57000
while [ $# -gt 0 ]; do
	case $1 in
	--quick) repeat_pull=2 repeat_start=5 ;;
	--files)
		files=${2:-}
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		printf "error: unknown word '%s'\n" "$1" >&2
		printf "hint: see 'benches/pull.sh --help'\n" >&2
		exit 2
		;;
	esac
	shift
done
case $files in '' | *[!0-9]*) files=0 ;; esac
if [ "$files" -lt 4000 ]; then
	printf 'error: --files takes a number, at least 4000\n' >&2
	exit 2
fi

# shellcheck source=benches/common.sh
source "$root/benches/common.sh"

# ---- the repository

hub=$work/hub.git clone=$work/clone
say "generating a repository of $files files"
git init -q --bare "$hub"
# Directories of 100 files; then five commits of the hub, and three of our own.
python3 - "$files" <<'PY' | git -C "$hub" fast-import --quiet
import sys
total, out, when = int(sys.argv[1]), sys.stdout, 1763000000
def commit(ref, mark, parent, text, files):
    global when
    when += 60
    out.write("commit %s\nmark :%d\ncommitter bench <bench@localhost> %d +0000\ndata %d\n%s\n"
              % (ref, mark, when, len(text), text))
    if parent:
        out.write("from :%d\n" % parent)
    for path, body in files:
        out.write("M 100644 inline %s\ndata %d\n%s\n" % (path, len(body), body))
def path(n):
    return "area%02d/part%02d/file%05d.txt" % (n // 3000, n // 100 % 30, n)
commit("refs/heads/main", 1, 0, "start",
       [(path(n), "file %d\n" % n * (1 + n % 40)) for n in range(total)])
for n in range(5):
    commit("refs/heads/theirs", 10 + n, 9 + n if n else 1, "hub %d" % n,
           [(path(100 * n), "hub %d\n" % n), (path(100 * n + 1), "hub %d\n" % n)])
for n in range(3):
    commit("refs/heads/ours", 20 + n, 19 + n if n else 1, "ours %d" % n, [(path(100 * n + 50), "ours %d\n" % n)])
out.write("done\n")
PY
git clone -q "$hub" "$clone"
git -C "$clone" reset -q --hard origin/ours
git -C "$clone" branch -q --remotes --delete origin/ours origin/theirs
for n in 1 2 3 4 5; do
	printf 'edited\n' >>"$clone/area01/part0$n/file$(printf %05d $((3000 + n * 100 + 10))).txt"
done
for n in 1 2 3; do printf 'new\n' >"$clone/area00/new$n.txt"; done
# The hub goes on; the clone has not seen it.
git -C "$hub" update-ref refs/heads/main refs/heads/theirs
git -C "$hub" branch -q -D ours theirs
# The same world in which there is nothing new.
git clone -q --bare "$hub" "$work/still.git"
git -C "$work/still.git" update-ref refs/heads/main "$(git -C "$clone" rev-parse origin/main)"

cat >"$work/seed_pull.sh" <<'SEED'
set -e
git stash
git pull --rebase
git stash pop
SEED

cat >"$work/time.py" <<'PY'
import os, random, shutil, statistics, subprocess, sys, time

work, gsync, pulls, starts = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
clone, starts_as = work + "/clone", {}

def call(argv, cwd):
    start = time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    took = (time.perf_counter() - start) * 1000
    if done.returncode:
        sys.exit("error: %s: exit %d\n%s" % (" ".join(argv), done.returncode,
                                            done.stdout.decode(errors="replace")[-2000:]))
    return took, done.stdout.decode(errors="replace")

def fresh(name):
    dir = work + "/" + name
    shutil.rmtree(dir, ignore_errors=True)
    # Files are written anew by everybody who is timed, never changed in place, so the copy may
    # share them with its original; the git directory it has for itself.
    os.mkdir(dir)
    for name in os.listdir(clone):
        how = "-a" if name == ".git" else "-al"
        subprocess.run(["cp", how, clone + "/" + name, dir], check=True)
    # A copy has other times than its index says: git looks at each file once, before the
    # clock runs.
    _, status = call(["git", "status", "--porcelain=v2", "--branch"], dir)
    if status != starts_as.setdefault("status", status):
        sys.exit("error: a copy is not what the first one was\n" + status)
    return dir

def seen(dir):
    """The tree, the count of commits, and what is not committed."""
    ask = lambda *words: call(["git", *words], dir)[1]
    return (ask("rev-parse", "HEAD^{tree}"), ask("rev-list", "--count", "HEAD"),
            ask("rev-list", "--count", "HEAD..origin/main"), ask("status", "--porcelain"), ask("stash", "list"))

cases = [
    ("`git pull --rebase --autostash`", ["git", "pull", "--rebase", "--autostash"]),
    ("`git stash`, `git pull --rebase`, `git stash pop`", ["sh", work + "/seed_pull.sh"]),
    ("`gsync pull`", [gsync, "pull"]),
]
times, ends = {}, {}
for turn in range(pulls + 1):
    order = list(cases)
    random.shuffle(order)
    for name, argv in order:
        dir = fresh("copy")
        took, _ = call(argv, dir)
        if turn:
            times.setdefault(name, []).append(took)
        else:
            ends[name] = seen(dir)
if len(set(ends.values())) != 1:
    sys.exit("error: they did not come to the same end\n%r" % ends)
base = statistics.median(times[cases[0][0]])
print("| %d files: 3 ahead, 5 behind, 5 edited, 3 new | median | fastest | slowest | times git |"
      % int(sys.argv[5]))
print("|---|---:|---:|---:|---:|")
for name, _ in cases:
    t = times[name]
    print("| %s | %.0f | %.0f | %.0f | %.2f |"
          % (name, statistics.median(t), min(t), max(t), statistics.median(t) / base))

dir = fresh("copy")
call(["git", "remote", "set-url", "origin", work + "/still.git"], dir)
cases = [("`git fetch`", ["git", "fetch"]), ("`gsync start`", [gsync, "start"])]
times = {}
for turn in range(starts + 2):
    order = list(cases)
    random.shuffle(order)
    for name, argv in order:
        took, _ = call(argv, dir)
        if turn > 1:
            times.setdefault(name, []).append(took)
base = statistics.median(times[cases[0][0]])
print("\n| nothing new at the hub | median | fastest | over git |\n|---|---:|---:|---:|")
for name, _ in cases:
    t = times[name]
    print("| %s | %.1f | %.1f | %+.1f |" % (name, statistics.median(t), min(t), statistics.median(t) - base))
PY

machine
printf '\n## A whole pull (ms)\n\n'
printf 'Median of %s rounds and of %s for the start, in random order in each round; the hub is on the same disk. All three pulls end with the same tree and the same uncommitted work.\n\n' "$repeat_pull" "$repeat_start"
python3 "$work/time.py" "$work" "$gsync" "$repeat_pull" "$repeat_start" "$files"
printf '\nWanted: a pull at most half of git'\''s, a start within 20 ms of a fetch.\n'

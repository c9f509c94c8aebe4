#!/bin/sh
# What the guard finds in examples, kind by kind, beside other scanners.
#   benches/recall.sh [--json] [--missed] [--false] FOLDER..
# A folder holds positive/KIND/* (in each file a secret) and negative/* (in no file one); either
# may be missing. A file counts as found if anything at all is found in it. --missed and --false
# name the files. GSYNC names the program (default target/release/gsync); GITLEAKS, BETTERLEAKS
# and KINGFISHER its peers (default: on PATH; who is not there is left out). The folders are
# only read, and nothing is sent anywhere.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
GSYNC=${GSYNC:-$here/target/release/gsync}
GITLEAKS=${GITLEAKS:-gitleaks}
BETTERLEAKS=${BETTERLEAKS:-betterleaks}
KINGFISHER=${KINGFISHER:-kingfisher}
export GSYNC GITLEAKS BETTERLEAKS KINGFISHER
exec python3 - "$here/benches" "$@" <<'PY'
import collections, json, os, shutil, sys, tempfile

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import scanners

words = sys.argv[2:]
flags = {word for word in words if word.startswith("--")}
folders = [word for word in words if not word.startswith("--")]
if not folders or flags - {"--json", "--missed", "--false"}:
    sys.exit("usage: benches/recall.sh [--json] [--missed] [--false] FOLDER..")

tools = scanners.here()


def files(folder):
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in sorted(names))


# So many at once: whoever stops after many findings has not seen the rest.
BATCH = 200
report = {}
for folder in folders:
    kinds, origins = {}, {}
    found = {name: collections.defaultdict(set) for name in tools}
    for source in files(folder):
        parts = os.path.relpath(source, folder).split(os.sep)
        if parts[0] in ("positive", "negative") and len(parts) > 1:
            # Names that say nothing: some scanners judge by them.
            name = f"f{len(kinds):05}.txt"
            kinds[name] = parts[1] if parts[0] == "positive" else None
            origins[name] = source
    if not kinds:
        sys.exit(f"error: '{folder}' has neither positive/KIND/* nor negative/*")
    for start in range(0, len(kinds), BATCH):
        with tempfile.TemporaryDirectory() as work:
            place = os.path.join(work, "files")
            os.mkdir(place)
            for name in list(kinds)[start:start + BATCH]:
                shutil.copyfile(origins[name], os.path.join(place, name))
            for name, scan in tools.items():
                for path, _, rule in scan(place, os.path.join(work, name + ".json")):
                    found[name][os.path.basename(path)].add(rule)
    table = collections.OrderedDict()
    for file, kind in kinds.items():
        row = table.setdefault(kind or "", {"files": 0, **{name: 0 for name in tools}})
        row["files"] += 1
        for name in tools:
            row[name] += file in found[name]
    report[folder] = table
    ours = found["gsync"]
    if "--missed" in flags:
        for file, kind in kinds.items():
            if kind and file not in ours:
                print(f"missed {origins[file]}")
    if "--false" in flags:
        for file, kind in kinds.items():
            if not kind and file in ours:
                print(f"false {origins[file]} {','.join(sorted(ours[file]))}")

if "--json" in flags:
    print(json.dumps(report, indent=1))
    sys.exit()
names = list(tools)
for folder, table in report.items():
    title = os.path.basename(os.path.normpath(folder))
    print(f"\n| {title} | files | " + " | ".join(names) + " |")
    print("|---|---:|" + "---:|" * len(names))
    false = table.pop("", None)
    for kind, row in table.items():
        print(f"| {kind} | {row['files']} | " + " | ".join(str(row[name]) for name in names) + " |")
    if table:
        all = {name: sum(row[name] for row in table.values()) for name in ["files", *names]}
        shares = " | ".join(f"{all[name]} ({100 * all[name] // all['files']} %)" for name in names)
        print(f"| **all kinds** | {all['files']} | {shares} |")
    if false:
        shares = " | ".join(str(false[name]) for name in names)
        print(f"| **false: found where nothing is** | {false['files']} | {shares} |")
PY

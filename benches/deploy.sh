#!/usr/bin/env bash
# Measures what gsync itself costs on a server: in a deploy beside its steps, in a release behind
# HAProxy from the command to the last answer of the old side, and in `gsync envs`. Prints Markdown.
set -euo pipefail

usage() {
	cat <<'USAGE'
usage: benches/deploy.sh [--quick] [deploy] [release] [envs]

  deploy    gsync's own time in a deploy: all of it, less the steps and the start of the process
            (goal: 150 ms)
  release   with HAProxy: from the start of the command to the last answer of the old side, on an
            idle proxy (goal: 50 ms)
  envs      `gsync envs` with HAProxy here (goal: 50 ms), and with two hosts behind sshd
  --quick   few repetitions: to see that it works, not to quote

Without a name, all of them. What is not here is left out and named: haproxy, sshd, node, pm2.
Everything listens on loopback, on ports and in a directory of its own, and is ended afterwards.
GSYNC_BENCH_BIN is the gsync to measure (default: the release build in target/).
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
parts=()
repeat=15
for word in "$@"; do
	case $word in
	--quick) repeat=3 ;;
	deploy | release | envs) parts+=("$word") ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		printf "error: unknown word '%s'\n" "$word" >&2
		printf "hint: see 'benches/deploy.sh --help'\n" >&2
		exit 2
		;;
	esac
done
[ ${#parts[@]} -gt 0 ] || parts=(deploy release envs)

GSYNC_BENCH_BIN=${GSYNC_BENCH_BIN:-$root/target/release/gsync}
# shellcheck source=benches/common.sh
source "$root/benches/common.sh"

export XDG_STATE_HOME=$work/state
PATH=$PATH:/usr/sbin:/usr/local/sbin
if ! command -v pm2 >/dev/null && [ -x "$root/.cache/tools/npm/node_modules/.bin/pm2" ]; then
	PATH=$PATH:$root/.cache/tools/npm/node_modules/.bin
fi
export PATH

# A server that says which release it is: small, since its start is no work of gsync.
cat >"$work/server.py" <<'PY'
import os, socket, threading
name, version = os.environ["GSYNC_ENV"].encode(), open("VERSION", "rb").read().strip()
def serve(client):
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rest = b""
    while True:
        while b"\r\n\r\n" not in rest:
            more = client.recv(65536)
            if not more:
                return client.close()
            rest += more
        head, rest = rest.split(b"\r\n\r\n", 1)
        body = version if b" /version " in head else name
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(os.environ["PORT"])))
server.listen(64)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
PY
cat >"$work/server.js" <<'JS'
const version = require("fs").readFileSync("VERSION", "utf8").trim();
require("http").createServer((req, res) => res.end(req.url === "/version" ? version : process.env.GSYNC_ENV))
  .listen(+process.env.PORT, "127.0.0.1");
JS
# HAProxy before it has heard of any app.
cat >"$work/haproxy.cfg" <<'CFG'
global
    stats socket WORK/admin.sock mode 600 level admin
defaults
    mode http
    option redispatch
    option idle-close-on-response
    retries 3
    timeout connect 2s
    timeout client 60s
    timeout server 60s
frontend www
    bind 127.0.0.1:FRONT
    default_backend nowhere
backend nowhere
    http-request return status 503
CFG

cat >"$work/measure.py" <<'PY'
import atexit, json, os, random, shutil, signal, socket, statistics, subprocess, sys, threading, time

work, gsync, repeat, parts = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
taken, apps, daemons, missing = set(), [], [], []

def fail(why):
    sys.exit("error: %s" % why)

def port():
    while True:
        with socket.socket() as it:
            it.bind(("127.0.0.1", 0))
            number = it.getsockname()[1]
        if number not in taken:
            taken.add(number)
            return number

def here(name):
    path = shutil.which(name)
    if not path and name not in missing:
        missing.append(name)
    return path

def call(argv, cwd, env=None):
    begun = time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=env)
    took = (time.perf_counter() - begun) * 1000
    said = done.stdout.decode(errors="replace")
    if done.returncode:
        fail("%s: exit %d\n%s" % (" ".join(argv), done.returncode, said[-3000:]))
    return took, said

def ask(number, path="/", host="x"):
    with socket.create_connection(("127.0.0.1", number), 5) as it:
        it.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path.encode(), host.encode()))
        said = b""
        while b"\r\n\r\n" not in said or len(said.split(b"\r\n\r\n", 1)[1]) < length(said):
            more = it.recv(65536)
            if not more:
                break
            said += more
    return said.split(b"\r\n\r\n", 1)[1].decode()

def length(said):
    for line in said.split(b"\r\n\r\n")[0].split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0

def until(what, is_so, seconds=20):
    end = time.time() + seconds
    while True:
        try:
            if is_so():
                return
        except OSError:
            pass
        if time.time() > end:
            fail("not in time: %s" % what)
        time.sleep(0.005)

def start(argv, log):
    it = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=open(log, "ab"), stderr=subprocess.STDOUT)
    daemons.append(it)
    return it

class App:
    """An app home, and a clone that pushes to it."""
    def __init__(self, name, process, step="", proxy=None, hosts=None, env=None):
        self.name, self.home, self.env = name, work + "/" + name, env or dict(os.environ)
        self.clone, self.ports, self.count = work + "/" + name + "-clone", [port(), port()], 0
        self.hosts, self.pm2 = hosts, "pm2" in process
        apps.append(self)
        self.gsync("app", "create", name, "--dir", self.home, "--template", "command", cwd=work)
        traffic = 'link = "live"'
        if proxy:
            traffic = ('haproxy = { master = "%s/master.sock", map = "%s/live.map", host = "%s.test", '
                       'probe = "http://127.0.0.1:%d/" }' % (work, work, name, proxy.port))
        text = 'name = "%s"\nbranch = "main"\nkeep = 2\n%s\n[process]\n%s\n' % (name, step, process)
        text += ('[health]\npath = "/"\nversion = "/version"\ntimeout = "20s"\ninterval = "20ms"\nsoak = "0s"\n'
                 '[release]\nwatch = "0s"\n[traffic]\n%s\n' % traffic)
        for at, side in enumerate(["blue", "green"]):
            text += '[env.%s]\nurl = "http://127.0.0.1:%d"\nport = %d\n' % (side, self.ports[at], self.ports[at])
            if hosts:
                text += 'host = "ssh://127.0.0.1:%d"\ndir = "%s"\n' % (hosts[at].port, self.side(side))
        with open(self.home + "/app.toml", "w") as file:
            file.write(text)
        if proxy:
            self.gsync("app", "create", name, "--dir", self.home, "--haproxy", work + "/haproxy.cfg", cwd=work)
            proxy.reload()
        call(["git", "init", "-q", self.clone], work)
        call(["git", "remote", "add", "deploy", self.home + "/repo.git"], self.clone)
        for file in ["server.py", "server.js"]:
            shutil.copy(work + "/" + file, self.clone)
        with open(self.clone + "/ecosystem.config.js", "w") as file:
            file.write("module.exports = { apps: [{ name: 'x', script: 'server.js', kill_timeout: 1000 }] };\n")

    def side(self, side):
        return "%s/%s" % (work + "/far-" + self.name if self.hosts else self.home, side)

    def gsync(self, *words, cwd=None):
        return call([gsync, *words], cwd or self.home, self.env)

    def commit(self):
        self.count += 1
        with open(self.clone + "/VERSION", "w") as file:
            file.write("1.0.%d\n" % self.count)
        call(["git", "add", "-A"], self.clone)
        call(["git", "commit", "-q", "-m", "1.0.%d" % self.count], self.clone)

    def push(self):
        self.commit()
        took, said = call(["git", "push", "-q", "deploy", "HEAD:main"], self.clone, self.env)
        if "is STANDBY and runs 1.0.%d" % self.count not in said:
            fail("not deployed:\n" + said)
        return took

    def end(self):
        for side in ["blue", "green"]:
            dir = self.side(side)
            try:
                with open(dir + "/process.json") as file:
                    pid = json.load(file)["pid"]
                if pid:
                    os.killpg(pid, signal.SIGKILL)
            except (OSError, ValueError, KeyError):
                pass
            if self.pm2 and os.path.exists(dir + "/.pm2/pm2.pid"):
                env = dict(self.env, PM2_HOME=dir + "/.pm2", PM2_DISCRETE_MODE="true")
                subprocess.run(["pm2", "kill"], env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

class Haproxy:
    def __init__(self):
        self.port = port()
        with open(work + "/haproxy.cfg") as file:
            text = file.read().replace("WORK", work).replace("FRONT", str(self.port))
        with open(work + "/haproxy.cfg", "w") as file:
            file.write(text)
        self.child = start([here("haproxy"), "-W", "-S", work + "/master.sock,mode,600,level,admin",
                            "-f", work + "/haproxy.cfg"], work + "/haproxy.log")
        until("haproxy answers", lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() is None)

    def reload(self):
        self.child.send_signal(signal.SIGUSR2)

class Sshd:
    def __init__(self, name):
        self.port, dir = port(), work + "/" + name
        os.mkdir(dir)
        for key in ["host", "user"]:
            call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir + "/" + key], work)
        with open(dir + "/sshd_config", "w") as file:
            file.write("Port %d\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/user.pub\nPidFile none\n"
                       "UsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin yes\n" % (self.port, dir, dir))
        with open(dir + "/host.pub") as file:
            known = "[127.0.0.1]:%d %s" % (self.port, file.read())
        with open(work + "/known", "a") as file:
            file.write(known)
        with open(work + "/ssh-config", "a") as file:
            file.write("Host *\nIdentityFile %s/user\nIdentitiesOnly yes\nUserKnownHostsFile %s/known\n"
                       "GlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n" % (dir, work))
        start([here("sshd"), "-D", "-e", "-f", dir + "/sshd_config"], dir + "/log")
        until("sshd answers", lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() is None)

@atexit.register
def end():
    for app in apps:
        app.end()
    for it in daemons:
        it.terminate()
    for it in daemons:
        try:
            it.wait(5)
        except subprocess.TimeoutExpired:
            it.kill()
            it.wait()

def rows(title, table):
    print("\n| %s | median | fastest | slowest |\n|---|---:|---:|---:|" % title)
    for name, times in table:
        print("| %s | %.0f | %.0f | %.0f |" % (name, statistics.median(times), min(times), max(times)))
    sys.stdout.flush()

# Itself, and not a shim that looks for one.
PYTHON = 'command = { start = "exec %s -I -S -u server.py" }' % os.path.realpath(sys.executable)
STEP = '[[step]]\nname = "build"\nrun = "sleep 0.5"\n'
the_proxy = None
def proxy():
    global the_proxy
    if not the_proxy and here("haproxy"):
        the_proxy = Haproxy()
    return the_proxy

def alone(argv):
    """How long the app's program needs until it answers, started by nobody but us."""
    times = []
    for _ in range(5):
        number = port()
        env = dict(os.environ, PORT=str(number), GSYNC_ENV="x")
        begun = time.perf_counter()
        child = subprocess.Popen(argv, cwd=work + "/alone", env=env)
        while True:
            try:
                ask(number, "/version")
                break
            except OSError:
                time.sleep(0.0005)
        times.append((time.perf_counter() - begun) * 1000)
        child.kill()
        child.wait()
    return statistics.median(times)

def deploy():
    print("\n## A deploy (ms)\n\nOwn is the whole time less the steps, the program of the process manager, and the "
          "start of the app's program until it answers, each measured by itself. The soak is 0.")
    os.mkdir(work + "/alone")
    for name, text in [("VERSION", "1\n")]:
        with open(work + "/alone/" + name, "w") as file:
            file.write(text)
    for file in ["server.py", "server.js"]:
        shutil.copy(work + "/" + file, work + "/alone")
    python = alone([os.path.realpath(sys.executable), "-I", "-S", "-u", "server.py"])
    cases = [("link, command, no steps", App("plain", PYTHON), 0, python),
             ("link, command, a step of 500 ms", App("step", PYTHON, STEP), 500, python)]
    if proxy():
        cases.append(("HAProxy, command, a step of 500 ms", App("behind", PYTHON, STEP, proxy()), 500, python))
    if proxy() and here("node") and here("pm2"):
        # The same pm2, with the time that it takes written down.
        os.mkdir(work + "/bin")
        with open(work + "/bin/pm2", "w") as file:
            file.write('#!/bin/sh\nb=$(date +%%s%%N)\n%s "$@"\ncode=$?\ne=$(date +%%s%%N)\n'
                       'echo $(((e - b) / 1000)) >>%s/pm2-took\nexit $code\n' % (here("pm2"), work))
        os.chmod(work + "/bin/pm2", 0o755)
        env = dict(os.environ, PATH=work + "/bin:" + os.environ["PATH"])
        app = App("kept", 'pm2 = "ecosystem.config.js"', STEP, proxy(), env=env)
        cases.append(("HAProxy, PM2, a step of 500 ms", app, 500, alone(["node", "server.js"])))
    hookless = work + "/hookless.git"
    call(["git", "init", "-q", "--bare", hookless], work)
    total, own, pushes = {}, {}, []
    for turn in range(repeat + 2):
        order = list(cases)
        random.shuffle(order)
        for name, app, steps, begin in order:
            if os.path.exists(work + "/pm2-took"):
                os.unlink(work + "/pm2-took")
            took = app.push()
            manager = 0
            if app.pm2:
                with open(work + "/pm2-took") as file:
                    manager = sum(int(line) for line in file) / 1000
            if turn > 1:
                total.setdefault(name, []).append(took)
                own.setdefault(name, []).append(took - steps - begin - manager)
        took, _ = call(["git", "push", "-q", "-f", hookless, "HEAD:main"], cases[0][1].clone)
        if turn > 1:
            pushes.append(took)
    rows("`git push deploy` until it returns", [("a push to a repository without hooks", pushes)]
         + [(name, total[name]) for name, *_ in cases])
    rows("of it gsync's and git's own", [(name, own[name]) for name, *_ in cases])
    again = {}
    for turn in range(repeat + 2):
        for name, app, steps, begin in cases[:2]:
            took, _ = app.gsync("deploy")
            if turn > 1:
                again.setdefault(name, []).append(took - steps - begin)
    rows("`gsync deploy` on the server, own", [(name, again[name]) for name, *_ in cases[:2]])
    print("\nWanted: an own time of at most 150 ms.")

class Watch:
    """Asks the proxy for the app in a tight loop, a new connection each time."""
    def __init__(self, host):
        self.host, self.seen, self.on, self.failed = host, [], True, 0
        self.thread = threading.Thread(target=self.loop)
        self.thread.start()

    def loop(self):
        while self.on:
            try:
                side = ask(the_proxy.port, "/", self.host)
            except OSError:
                side = "failed"
                self.failed += 1
            self.seen.append((time.perf_counter(), side))

    def stop(self):
        self.on = False
        self.thread.join()

def two_releases(app):
    app.push()
    until("the proxy finds it well", lambda: call([gsync, "release"], app.home, app.env)[0] > 0)
    app.push()
    # Its checks come once a second: a release that waits for them measures them.
    time.sleep(3)

def release():
    if not proxy():
        return
    app = App("shop", PYTHON, proxy=proxy())
    two_releases(app)
    last, whole, count, failed = [], [], 0, 0
    for turn in range(repeat * 2 + 2):
        old = ask(proxy().port, "/", "shop.test")
        watch = Watch("shop.test")
        time.sleep(0.05)
        begun = time.perf_counter()
        took, _ = app.gsync("release")
        time.sleep(0.05)
        watch.stop()
        answers = [at for at, side in watch.seen if side == old and at > begun]
        new = [at for at, side in watch.seen if side not in (old, "failed")]
        if not new:
            fail("the traffic did not move")
        count, failed = count + len(watch.seen), failed + watch.failed
        if turn > 1:
            last.append((max(answers) - begun) * 1000)
            whole.append(took)
    print("\n## A release behind HAProxy (ms)\n\nA client asks the proxy in a loop, a new connection for each of "
          "%d requests; %d of them failed. The command is typed on the server." % (count, failed))
    rows("release of a STANDBY that is well", [("command to the last answer of the old side", last),
                                             ("command to its end", whole)])
    print("\nWanted: at most 50 ms to the last answer of the old side.")

def envs():
    table = []
    def measure(name, argv, app):
        times = []
        for turn in range(repeat + 2):
            took, _ = call(argv, app.home, app.env)
            if turn > 1:
                times.append(took)
        table.append((name, times))
    app = App("link", PYTHON)
    app.push()
    measure("link, both here", [gsync, "envs"], app)
    if proxy():
        app = App("shown", PYTHON, proxy=proxy())
        app.push()
        measure("HAProxy, both here", [gsync, "envs"], app)
    if here("sshd") and here("ssh"):
        hosts = [Sshd("ssh-blue"), Sshd("ssh-green")]
        with open(work + "/ssh.sh", "w") as file:
            file.write("#!/bin/sh\nexec ssh -F %s/ssh-config \"$@\"\n" % work)
        os.chmod(work + "/ssh.sh", 0o755)
        env = dict(os.environ, GSYNC_SSH=work + "/ssh.sh")
        app = App("far", PYTHON, proxy=proxy(), hosts=hosts, env=env)
        app.push()
        call([gsync, "release"], app.home, env)
        app.push()
        measure("two hosts behind sshd", [gsync, "envs"], app)
        measure("`ssh HOST true` once, beside it", [work + "/ssh.sh", "-p", str(hosts[0].port), "127.0.0.1", "true"], app)
    print("\n## `gsync envs` (ms)")
    rows("", table)
    print("\nWanted: at most 50 ms with both environments here.")

for part in parts:
    {"deploy": deploy, "release": release, "envs": envs}[part]()
if missing:
    print("\nLeft out, since it is not here: %s." % ", ".join(missing))
PY

machine
python3 "$work/measure.py" "$work" "$gsync" "$repeat" "${parts[@]}"

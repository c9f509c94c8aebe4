//! The third chapter: services after a pull. Goes on where the second one ended: builder has
//! everything that the hub has.

use super::{Chapter, Step, run, shows};

const SERVICES: &str = r#"cat >> .gsync.toml <<'END'
[[service]]
name = "client"
paths = ["client/**", "types/**"]
steps = [{ name = "build", run = "echo client built" }]

[[service]]
name = "server"
paths = ["server/**", "types/**"]
after = ["client"]
steps = [{ name = "build", run = "sh server/build.sh" }]

[[service]]
name = "internal"
paths = ["internal/**", "types/**"]
after = ["server"]
steps = [{ name = "build", run = "echo internal built" }]

[[service]]
name = "ui"
paths = ["ui/**", "types/**"]
after = ["internal"]
on_pull = "up"
steps = [{ name = "start", run = "echo ready in 3 ms", success = ["ready in"] }]
END"#;

pub(super) const CHAPTER: Chapter = Chapter {
    name: "services",
    title: "After a pull: bring up what the change touches, and prove it",
    steps: &[
        Step::Say("Four services that share types; each says which paths are its own."),
        run("builder", SERVICES),
        run("builder", "mkdir client server internal types ui && echo 1 > types/ids"),
        run("builder", "echo 'echo server built' > server/build.sh"),
        shows("builder", "gsync up", &["up: client, server, internal, ui"]),
        run("builder", "gsync finish --quiet --all -m 'services'"),
        shows("builder", "gsync up", &["nothing to do"]),
        Step::Say("A change of the types concerns all of them, in their order."),
        run("builder", "echo 2 > types/ids"),
        shows("builder", "gsync services", &["types/ids matches types/**", "ui after internal"]),
        shows("builder", "gsync up", &["up: client, server, internal, ui"]),
        Step::Say("One of the user interface only the last."),
        run("builder", "echo 1 > ui/app"),
        shows("builder", "gsync up", &["up: ui"]),
        Step::Say("An error in the second step stops it, and the first error is named."),
        run("builder", "echo 3 > types/ids"),
        run("builder", "echo 'echo \"error: the types do not match\"; exit 1' > server/build.sh"),
        Step::Run {
            who: "builder",
            line: "gsync up",
            exit: 4,
            says: &["step 2 of 4", "error: the types do not match", "not up: server, internal, ui"],
        },
        Step::Say("Mended, it goes on where it stopped."),
        run("builder", "echo 'echo server built' > server/build.sh"),
        shows("builder", "gsync up", &["up: server, internal, ui"]),
        run("builder", "gsync finish --quiet --all -m 'new types'"),
        Step::Say("With `on_pull = \"up\"` a plain git pull brings up what it concerns, once."),
        run("", "git clone --quiet hub.git ops"),
        run("ops", "echo 2 > ui/app && git commit --quiet -am 'a new screen' && git push --quiet"),
        shows("builder", "git pull --quiet", &["concerns ui: bringing it up to date", "up: ui"]),
        shows("builder", "gsync up", &["nothing to do"]),
    ],
};

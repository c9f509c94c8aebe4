//! The fourth chapter: two who work at the same time, as three scenes: different files, the
//! same file, and a fix that is in production already. Goes on where the third one ended.

use super::{Chapter, Step, refused, run, shows};

pub(super) const CHAPTER: Chapter = Chapter {
    name: "peers",
    title: "What the others are doing, before it is pushed",
    steps: &[
        Step::Say("Both begin where the hub is. Each start tells the others."),
        run("builder", "gsync finish --quiet --all -m 'server mended'"),
        run("qc", "gsync discard --quiet && gsync start --quiet"),
        Step::Say("Scene one: qc writes, builder mends. Nothing of it is pushed yet."),
        run("qc", "echo 'Second chapter' >> guide.txt && gsync start --quiet"),
        run("builder", "echo 'print(4)' >> server.py"),
        shows("builder", "gsync peers", &["qc@laptop", "at work", "changing: guide.txt"]),
        Step::Say("Different files: both push, and nobody waits for anybody."),
        shows("qc", "gsync finish --all -m 'second chapter'", &["origin has"]),
        shows("builder", "gsync finish --all -m 'four'", &["second chapter", "origin has"]),
        Step::Say("Scene two: both change the guide, in the same place."),
        run("qc", "gsync start --quiet && echo 'Third, by qc' >> guide.txt"),
        shows("qc", "gsync start", &["nothing to do"]),
        run("builder", "echo 'Third, by builder' >> guide.txt"),
        Step::Say("Builder hears of it before anything is committed."),
        shows("builder", "gsync status", &["qc@laptop", "you change too: guide.txt"]),
        shows("builder", "gsync start", &["qc@laptop is changing guide.txt too"]),
        Step::Say("Whoever pushes first wins. The other one is told, and nothing is lost."),
        run("qc", "gsync finish --quiet --all -m 'third chapter'"),
        refused("builder", "gsync start", &["guide.txt"]),
        shows("builder", "tail -n 1 guide.txt", &["Third, by builder"]),
        run("builder", "git restore guide.txt && gsync start --quiet"),
        run("builder", "echo 'Fourth, by builder' >> guide.txt"),
        run("builder", "gsync finish --quiet --all -m 'fourth chapter'"),
        Step::Say("Scene three: production has a fix, and qc is about to start."),
        run("builder", "echo 'print(5)' >> server.py && gsync finish --quiet --all -m 'hot fix'"),
        shows("qc", "gsync status", &["hot fix", "builder@server", "idle"]),
        shows("qc", "gsync start --review", &["hot fix", "+print(5)"]),
        shows("qc", "gsync start", &["hot fix"]),
    ],
};

//! The deeds on the server of an app: releases are unpacked, run, proved, led to and removed.

mod keeper;
mod manager;
mod prove;
mod state;
mod traffic;
mod unpack;

use anyhow::Result;

use super::lock::lend;
use crate::git::{self, Git};
use crate::host;
use crate::host::machine::{Machine, write};
use crate::plan::serve::Activate;
use crate::plan::{Before, Deed, Serve};

pub use keeper::{BECOME, become_process};
pub use prove::{Watched, watch};

/// What is there now, where the deed would change something.
pub(super) fn look(git: &Git, serve: &Serve) -> Result<Before> {
    let there = || super::place::open(serve.host.as_deref());
    Ok(match &serve.deed {
        Deed::Init { repo, .. } => Before::Dir { exists: host::read::exists(&repo.join("HEAD")) },
        Deed::Unpack { dir, .. } | Deed::SetAside { dir } => {
            Before::Dir { exists: there()?.exists(dir)? }
        }
        Deed::Activate(it) => {
            let machine = there()?;
            Before::Env {
                current: machine.link(&it.home.join("current"))?,
                running: keeper::recorded(&machine, &it.home)?.map(|process| process.release),
            }
        }
        Deed::Switch { traffic, gate, .. } => Before::Live { env: traffic::live(traffic, *gate)? },
        Deed::Record { name, .. } | Deed::Restore { name, .. } => {
            Before::Ref { commit: git.resolve_ref(name)? }
        }
        Deed::Prove(_) | Deed::Prune { .. } | Deed::Drain { .. } => Before::Nothing,
    })
}

/// A disk with less than this is full.
const ROOM: u64 = 64 << 10;

/// Does one deed. What git could not write on a full disk it does not explain: that is told here.
pub(super) fn perform(git: &Git, serve: &Serve, out: &mut dyn FnMut(&str)) -> Result<()> {
    let done = deed(git, serve, out);
    done.map_err(|why| match host::read::free(&git.git_dir) {
        Some(free) if free < ROOM && !format!("{why:#}").contains("No space left") => {
            why.context(format!("No space left on device: {} kB are free", free >> 10))
        }
        _ => why,
    })
}

fn deed(git: &Git, serve: &Serve, out: &mut dyn FnMut(&str)) -> Result<()> {
    let there = || super::place::open(serve.host.as_deref());
    match &serve.deed {
        Deed::Init { branch, .. } => lend(|| git::write::init_bare(git, branch)),
        Deed::Unpack { commit, dir, shared, links } => {
            let machine = there()?;
            lend(|| unpack::unpack(&machine, git, commit, dir, shared, links))
        }
        Deed::SetAside { dir } => unpack::set_aside(&there()?, dir),
        Deed::Activate(it) => activate(&there()?, it, out),
        Deed::Prove(proof) => prove::prove(&there()?, proof, &super::stopped, out),
        Deed::Switch { traffic, from, to, gate } => {
            if *gate || from == to && traffic::is_elsewhere(traffic)? {
                traffic::gate(traffic, to, &super::stopped, out)?;
            }
            traffic::switch(traffic, from, to, *gate)
        }
        Deed::Drain { traffic, wait_ms, cut } => {
            let wait = std::time::Duration::from_millis(*wait_ms);
            traffic::drain(traffic, &serve.env, wait, *cut, &super::stopped, out)
        }
        Deed::Prune { dirs } => {
            // What cannot be removed now is removed by the next deploy.
            let machine = there()?;
            for dir in dirs {
                if let Err(why) = write::remove(&machine, dir) {
                    out(&format!("{why:#}"));
                }
            }
            Ok(())
        }
        Deed::Record { name, expect, state } => {
            state::record(git, name, expect.as_ref(), state.clone())
        }
        Deed::Restore { name, to, what } => state::restore(git, name, to.as_ref(), what),
    }
}

/// `current` first, then the process: a machine that starts anew in between runs the new one.
fn activate(machine: &Machine, it: &Activate, out: &mut dyn FnMut(&str)) -> Result<()> {
    keeper::port_is_ours(machine, it)?;
    write::make_dirs(machine, &it.home)?;
    let current = it.home.join("current");
    match &it.release {
        Some(release) => {
            let to = std::path::Path::new("releases").join(release.name());
            write::link(machine, &current, &to)?;
        }
        None => write::remove(machine, &current)?,
    }
    let started = keeper::restart(machine, it, out);
    if !it.back {
        return started;
    }
    match (&it.health, &it.release) {
        (Some(health), Some(release)) => {
            started?;
            // Putting back is not interrupted.
            prove::prove(machine, &prove::of(it, release, health), &|| false, out)
        }
        // It was not well before; it runs as badly as it did.
        _ => {
            if let Err(why) = started {
                out(&format!("{why:#}"));
            }
            Ok(())
        }
    }
}

//! The deeds on the server of an app: releases are unpacked, run, proved, led to and removed.

mod keeper;
mod manager;
mod prove;
mod state;
mod traffic;
mod unpack;

use anyhow::{Result, bail};

use super::lock::lend;
use crate::git::{self, Git};
use crate::host;
use crate::plan::serve::Activate;
use crate::plan::{Before, Deed, Serve};

pub use keeper::{BECOME, become_process};
pub use prove::watch;

/// What is there now, where the deed would change something.
pub(super) fn look(git: &Git, serve: &Serve) -> Result<Before> {
    Ok(match &serve.deed {
        Deed::Init { repo, .. } => Before::Dir { exists: host::read::exists(&repo.join("HEAD")) },
        Deed::Unpack { dir, .. } | Deed::SetAside { dir } => {
            Before::Dir { exists: host::read::exists(dir) }
        }
        Deed::Activate(it) => Before::Env {
            current: host::read::link(&it.home.join("current"))?,
            running: keeper::recorded(&it.home)?.map(|process| process.release),
        },
        Deed::Switch { traffic, gate, .. } => Before::Live { env: traffic::live(traffic, *gate)? },
        Deed::Record { name, .. } | Deed::Restore { name, .. } => {
            Before::Ref { commit: git.resolve_ref(name)? }
        }
        Deed::Prove(_) | Deed::Prune { .. } | Deed::Drain { .. } => Before::Nothing,
    })
}

/// Does one deed.
pub(super) fn perform(git: &Git, serve: &Serve, out: &mut dyn FnMut(&str)) -> Result<()> {
    if let Some(host) = &serve.host {
        bail!("{} is on {host}, and this gsync serves only its own machine", serve.env);
    }
    match &serve.deed {
        Deed::Init { branch, .. } => lend(|| git::write::init_bare(git, branch)),
        Deed::Unpack { commit, dir, shared, links } => {
            lend(|| unpack::unpack(git, commit, dir, shared, links))
        }
        Deed::SetAside { dir } => unpack::set_aside(dir),
        Deed::Activate(it) => activate(it, out),
        Deed::Prove(proof) => prove::prove(proof, &super::stopped, out),
        Deed::Switch { traffic, from, to, gate } => {
            if *gate {
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
            for dir in dirs {
                if let Err(why) = host::write::remove_tree(dir) {
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
fn activate(it: &Activate, out: &mut dyn FnMut(&str)) -> Result<()> {
    keeper::port_is_ours(it)?;
    host::write::make_dir(&it.home)?;
    let current = it.home.join("current");
    match &it.release {
        Some(release) => {
            let to = std::path::Path::new("releases").join(release.name());
            host::write::link(&current, &to)?;
        }
        None => host::write::remove(&current)?,
    }
    let started = keeper::restart(it, out);
    if !it.back {
        return started;
    }
    match (&it.health, &it.release) {
        (Some(health), Some(release)) => {
            started?;
            // Putting back is not interrupted.
            prove::prove(&prove::of(it, release, health), &|| false, out)
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

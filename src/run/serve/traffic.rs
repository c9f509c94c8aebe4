//! What leads the users to LIVE: asked anew each time, and switched.

use anyhow::{Context, Result, bail};

use crate::host;
use crate::plan::serve::Traffic;

/// The environment that has the traffic.
pub(super) fn live(traffic: &Traffic) -> Result<Option<String>> {
    match traffic {
        Traffic::Link { at } => {
            let to = host::read::link(at)?;
            Ok(to.map(|to| to.to_string_lossy().into_owned()))
        }
        Traffic::Haproxy { .. } => bail!("haproxy is not spoken to yet"),
    }
}

/// Leads it from one to the other; one who has it already keeps it.
pub(super) fn switch(traffic: &Traffic, from: &str, to: &str) -> Result<()> {
    match live(traffic)? {
        Some(now) if now == to => return Ok(()),
        Some(now) if now == from => {}
        now => {
            let now = now.unwrap_or_else(|| "nobody".into());
            bail!("the traffic is led to {now} and not to {from}: somebody else moved it");
        }
    }
    match traffic {
        Traffic::Link { at } => {
            host::write::link(at, std::path::Path::new(to))?;
            host::write::settle(at.parent().context("a path with a directory")?)
        }
        Traffic::Haproxy { .. } => bail!("haproxy is not spoken to yet"),
    }
}

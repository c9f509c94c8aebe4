//! Processes that PM2 or systemd keeps: told to run what `current` points to, or nothing. What they
//! say of it is not believed; the proof is made elsewhere.

use anyhow::{Result, bail};

use super::keeper::{STOPPING, dress};
use crate::base::{File, plain};
use crate::host::pm2::{self, Pm2};
use crate::host::units::{Manager, Unit};
use crate::host::{self, steps};
use crate::plan::serve::{Activate, Build, Keeper};

/// Lets the manager run the release, or nothing.
pub(super) fn restart(it: &Activate, out: &mut dyn FnMut(&str)) -> Result<()> {
    let line = match &it.keeper {
        Keeper::Pm2 { file } => {
            let ecosystem = it.home.join("ecosystem.config.js");
            let pm2 = Pm2 { program: "pm2".into(), home: it.home.join(".pm2"), ecosystem };
            if it.release.is_some() {
                let name = it.vars.iter().find(|(name, _)| name == "GSYNC_APP");
                let name = name.map_or("app", |(_, value)| value.as_str());
                let text = pm2::ecosystem(&it.home.join("current"), &file.to_string_lossy(), name)?;
                host::write::file(&pm2.ecosystem, &text)?;
                pm2.start()?
            } else {
                pm2.delete()?
            }
        }
        Keeper::Systemd { unit } => {
            let manager = match rustix::process::geteuid().is_root() {
                true => Manager::System,
                false => Manager::User,
            };
            let unit = Unit::new(manager, unit)?;
            if let Some(release) = &it.release {
                environment(it, release)?;
                unit.restart()
            } else {
                unit.stop()
            }
        }
        Keeper::None | Keeper::Command { .. } => return Ok(()),
    };
    let mut command = steps::shell(&line, &it.home);
    match it.release.as_ref().or(it.former.as_ref()) {
        Some(release) => dress(&mut command, it, release)?,
        None => host::clean::dress(&mut command, &it.vars, None)?,
    }
    command.env("GSYNC_LOG", &it.log);
    let mut said = Vec::new();
    let ran = steps::run(&mut command, STOPPING, &|| false, &mut |piece| {
        if said.len() < 1 << 14 {
            said.extend_from_slice(piece);
        }
    })?;
    let said = String::from_utf8_lossy(&said).into_owned();
    said.lines().for_each(|line| out(&plain(line)));
    match ran.end {
        steps::End::Exit(0) => Ok(()),
        other => bail!("`{line}` ended with {other:?}"),
    }
}

/// The file with what the program of a unit is told: systemd starts it anew without us too.
fn environment(it: &Activate, release: &Build) -> Result<()> {
    let line = |(name, value): &(String, String)| {
        let value: String = plain(value).replace('\\', "\\\\").replace('"', "\\\"");
        format!("{name}=\"{value}\"\n")
    };
    let text: String = it.vars.iter().chain(&release.vars()).map(line).collect();
    host::write::file(&it.home.join("environment"), &File::text(text))
}

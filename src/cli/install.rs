//! `gsync install` and `gsync uninstall`

use anyhow::Result;

use super::Context;
use super::args::{ActArgs, InstallArgs};
use crate::base::Exit;

pub fn install(_: &Context, _: &InstallArgs) -> Result<Exit> {
    anyhow::bail!("not yet")
}

pub fn uninstall(_: &Context, _: &ActArgs) -> Result<Exit> {
    anyhow::bail!("not yet")
}

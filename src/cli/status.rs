//! `gsync status`

use anyhow::Result;

use super::Context;
use super::args::StatusArgs;
use crate::base::Exit;

pub fn main(_: &Context, _: &StatusArgs) -> Result<Exit> {
    anyhow::bail!("not yet")
}

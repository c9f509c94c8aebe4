//! `gsync guard`

use anyhow::Result;

use super::Context;
use super::args::GuardArgs;
use crate::base::Exit;

pub fn main(_: &Context, _: &GuardArgs) -> Result<Exit> {
    anyhow::bail!("not yet")
}

//! `gsync doctor`

use anyhow::Result;

use super::Context;
use crate::base::Exit;

pub fn main(_: &Context) -> Result<Exit> {
    anyhow::bail!("not yet")
}

//! (room sync)

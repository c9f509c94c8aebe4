//! The files of coding agents: hooks, commands and MCP entries, merged into what is there.

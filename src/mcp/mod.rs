//! The same three calls as the command line, for agents: over MCP, on stdio.

//! Handoffs: documents with verified facts, and a life of their own on the hub.

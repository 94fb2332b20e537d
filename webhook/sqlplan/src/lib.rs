//! SQL split, parsed and modelled; schemas compared; plans made; pure.

//! Folders written for other tools, as a directory of this format.

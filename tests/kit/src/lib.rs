//! Starts and stops a throw-away Kubernetes control plane.

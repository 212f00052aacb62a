"""What a release is made with: locked dependencies, packages that come out the same twice, their parts list."""

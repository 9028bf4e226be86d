"""Files that Git left as pointers because Git LFS was not installed when the repository was cloned."""

POINTER = b"version https://git-lfs.github.com/"
"""First bytes of a pointer."""
IS_POINTER = "a Git LFS pointer, not the file"
FIX = "run `git lfs pull` in the repository it comes from, and copy it again if it is a copy"

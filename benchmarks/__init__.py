"""Measurements that print what the documentation states.

A package, because Opacus installs one of the same name, which would come before a folder.
"""

"""The five kinds of work. Each gives its record; a record that an earlier execution left is adopted instead."""

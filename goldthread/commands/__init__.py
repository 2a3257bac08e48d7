"""The commands of `goldthread`, by topic. Everything slow is imported when a command runs, not before."""

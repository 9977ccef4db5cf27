"""A host like the platform: its order of loading, apps with the labels ours would like, and nothing else."""

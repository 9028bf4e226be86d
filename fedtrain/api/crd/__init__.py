"""The CustomResourceDefinitions in crds/, from the models and the rules: `python -m fedtrain.api.crd`.

The API server refuses at apply what `fedtrain validate` refuses of one object, in the same words where CEL can say
them. Needs Kubernetes 1.30 or newer: rules that name their field and format their message.
"""

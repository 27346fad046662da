"""The engine on stock vLLM: every request of a batch under its own steering, as it has its own adapter with multi-LoRA.

The client turns steerings into rows (`lowering`), keeps book of which are in the worker's tables (`slots`) and sends
requests that name their slot (`engine`). The worker (`worker`) is vLLM's own with hooks on its model (`hooks`): each
step it says which table row every token takes (`schedule`), and custom operations (`ops`) apply them.
"""

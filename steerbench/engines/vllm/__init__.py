"""The engine on stock vLLM. Each request of a batch has its own steering, as with adapters in multi-LoRA.

The client compiles steerings to table rows (`lowering`), tracks which are in the worker's tables (`slots`), and sends
requests that name their slot (`engine`). The worker (`worker`) is vLLM's with hooks on its model (`hooks`). In each
step it looks up every token's table row (`schedule`), and custom operations (`ops`) apply the rows.
"""

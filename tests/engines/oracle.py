"""What the engine must equal: one sequence at a time through the plain model, edits by hooks set by hand."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from steerbench.contracts import Prompt, Request
from steerbench.contracts.edits import Edit, Site, in_order, reference
from steerbench.contracts.steering import Steering
from steerbench.models.loading import LoadedModel


def ids_of(one: LoadedModel, prompt: Prompt) -> list[int]:
    if prompt.messages:
        return list(one.tokenizer(one.render(prompt.messages) + prompt.start, add_special_tokens=False)["input_ids"])
    return list(one.tokenizer(prompt.start)["input_ids"])


def text_after(one: LoadedModel, prompt: Prompt, tokens: Sequence[int]) -> str:
    """Tokens as text behind their prompt: the whole decoded, less the prompt decoded."""
    given = ids_of(one, prompt)
    known, whole = (one.tokenizer.decode(ids, skip_special_tokens=True) for ids in (given, [*given, *tokens]))
    assert whole.startswith(known)
    return str(whole[len(known) :])


def split_ids(one: LoadedModel, request: Request) -> tuple[list[int], list[list[int]]]:
    """The prompt's tokens that stay as they are whichever option follows, and each option's, from the joint texts."""
    alone = ids_of(one, request.prompt)
    joint = [ids_of(one, Prompt(request.prompt.messages, request.prompt.start + option)) for option in request.options]
    kept = 0
    while kept < len(alone) and all(len(ids) > kept and ids[kept] == alone[kept] for ids in joint):
        kept += 1
    return alone[:kept], [ids[kept:] for ids in joint]


def layers_of(model: Any) -> list[Any]:
    return [m for m in model.modules() if hasattr(m, "self_attn") and hasattr(m.self_attn, "o_proj")]


@contextmanager
def edited(model: Any, steering: Steering, prompt_length: int) -> Iterator[None]:
    """The model under a steering, for one sequence that is always run whole, edits in their stated order."""
    states: dict[int, Tensor] = {}
    with ExitStack() as stack:
        for edit in in_order(steering.edits):
            layer = layers_of(model)[edit.layer]
            if edit.site == "head_out":
                handle = layer.self_attn.o_proj.register_forward_pre_hook(
                    lambda _, args, e=edit: (change(e, args[0], prompt_length, states),)
                )
                stack.callback(handle.remove)
            else:
                module = layer if edit.site == "resid" else layer.mlp.act_fn
                stack.enter_context(_after(module, edit, prompt_length, states))
        for number, layer in enumerate(layers_of(model)):
            handle = layer.register_forward_hook(
                lambda _, __, out, n=number: states.update({n: (out[0] if isinstance(out, tuple) else out)[0]})
            )
            stack.callback(handle.remove)
        yield


@contextmanager
def _after(module: Any, edit: Edit, prompt_length: int, states: Mapping[int, Tensor]) -> Iterator[None]:
    def hook(_: Any, __: Any, out: Any) -> Any:
        if isinstance(out, tuple):
            return (change(edit, out[0], prompt_length, states), *out[1:])
        return change(edit, out, prompt_length, states)

    handle = module.register_forward_hook(hook)
    yield
    handle.remove()


def change(edit: Edit, x: Tensor, prompt_length: int, states: Mapping[int, Tensor]) -> Tensor:
    """x [1, length, dim] after the edit, token by token; `states` [length, dim] by layer are what gates look at."""
    x = x.clone()
    for place in range(x.shape[1]):
        after = max(place - prompt_length + 1, 0)
        found = reference.edited(
            edit, x[0, place].float().numpy(), place, after, lambda layer, p=place: states[layer][p].float().numpy()
        )
        x[0, place] = torch.from_numpy(found).to(x.dtype)
    return x


@torch.no_grad()
def option_logprobs(one: LoadedModel, request: Request) -> list[float]:
    (prompt, options), found = split_ids(one, request), []
    for tokens in options:
        with edited(one.model, request.steering, len(prompt)):
            logits = one.model(input_ids=torch.tensor([prompt + tokens])).logits[0].float()
        known = logits.log_softmax(-1)
        found.append(sum(known[len(prompt) - 1 + i, token].item() for i, token in enumerate(tokens)))
    return found


@torch.no_grad()
def values(one: LoadedModel, tokens: Sequence[int], prompt_length: int, steering: Steering, site: Site) -> np.ndarray:
    """[tokens, layers, dim] at a site, after the edits."""
    seen: dict[int, Tensor] = {}
    with edited(one.model, steering, prompt_length), ExitStack() as stack:
        for number, layer in enumerate(layers_of(one.model)):
            if site == "head_out":
                handle = layer.self_attn.o_proj.register_forward_pre_hook(
                    lambda _, args, n=number: seen.update({n: args[0][0]})
                )
            else:
                module = layer if site == "resid" else layer.mlp.act_fn
                handle = module.register_forward_hook(
                    lambda _, __, out, n=number: seen.update({n: (out[0] if isinstance(out, tuple) else out)[0]})
                )
            stack.callback(handle.remove)
        one.model(input_ids=torch.tensor([list(tokens)]))
    return torch.stack([seen[n] for n in sorted(seen)], 1).float().numpy()


@torch.no_grad()
def greedy(one: LoadedModel, request: Request, count: int, stops: Sequence[int]) -> list[int]:
    """Up to `count` tokens, the whole sequence run again for each."""
    prompt = ids_of(one, request.prompt)
    tokens = list(prompt)
    while len(tokens) < len(prompt) + count:
        with edited(one.model, request.steering, len(prompt)):
            logits = one.model(input_ids=torch.tensor([tokens])).logits[0, -1]
        tokens.append(int(logits.argmax()))
        if tokens[-1] in stops:
            break
    return tokens[len(prompt) :]

"""`steerbench serve`: a model behind an OpenAI-compatible server, every request under the steering it names."""

from pathlib import Path
from typing import Annotated

import typer

from steerbench.cli.options import Dtype, Model, Template
from steerbench.cli.startup import quick

ROWS = 512


def serve_command(
    context: typer.Context,
    steering: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder of saved steerings, or a run.", show_default=False)
    ],
    model: Model = None,
    dtype: Dtype = None,
    chat_template: Template = None,
    rows: Annotated[
        int, typer.Option(metavar="N", help="Steerings (at a strength each) that may be in use at once.", min=1)
    ] = ROWS,
    force: Annotated[bool, typer.Option("--force", help="Use steerings that were fitted on another model.")] = False,
) -> None:
    """Serve a steered model through vLLM's OpenAI-compatible server.

    Options not listed here are passed on to vLLM: --port, --api-key, --max-num-seqs and others. A request picks its
    steering by name: extra_body={"steering": "extraversion+", "strength": 1.2}.
    """
    from steerbench.engines.vllm.support import check_architecture, vllm_version

    vllm_version()
    with quick():
        from steerbench.engines.vllm.server import Serving, serve
        from steerbench.engines.vllm.serving.catalogue import check, read_catalogue
        from steerbench.engines.vllm.widths import Widths
        from steerbench.models.embedded import EMBEDDED
        from steerbench.models.text import load_text

        catalogue = read_catalogue(steering)
        name = model or EMBEDDED
        text = load_text(name, chat_template)
        check_architecture(text.architecture, name)
        shape = Widths(text.folder)
        check(catalogue, shape.layers, shape.of, rows, None if force else text)
    own = ["--dtype", dtype or "bfloat16"]
    if chat_template is not None:
        own += ["--chat-template", str(chat_template)]
    serve(Serving(text.folder, name, catalogue, shape.layers, shape.of, rows), [*own, *context.args])

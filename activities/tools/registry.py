"""Which adapter calls which kind of tool: the one place where a new kind joins.

To add a kind: its model in `remit.tool.kinds`, what must hold of it in `remit.tool.checks`, its
adapter in a file beside this one, and a line in `Tools`.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from activities.tools.adapter import Adapter
from activities.tools.extra import ExtraError
from activities.tools.http import HttpTool
from activities.tools.human import HumanTool
from activities.tools.mcp import McpTool
from activities.tools.model import ModelTool
from activities.tools.outside import Outside
from activities.tools.process import ProcessTool
from activities.tools.python import PythonTool
from activities.tools.resolving import Resolver
from activities.tools.sql import SqlTool
from activities.tools.tunnel import Proxy
from remit.stores.artifacts import ArtifactStore
from remit.stores.project import Project
from remit.tool.binding import BoundFunction
from remit.tool.contract import ToolContract
from remit.tool.oauth import OAuthClient


class Tools:
    """The adapters of one worker. Make it on the event loop that will call them."""

    def __init__(
        self,
        functions: Mapping[str, BoundFunction],
        folder: Path,
        environ: Mapping[str, str] | None = None,
        *,
        resolver: Resolver | None = None,
        proxy: Proxy | None = None,
        artifacts: ArtifactStore | None = None,
        clients: Mapping[str, OAuthClient] | None = None,
    ) -> None:
        """Make the adapters.

        Args:
            functions: of `python` tools, by `module:function`.
            folder: what relative paths of secrets start from.
            environ: where `env:NAME` is looked up; without it the process's own environment.
            resolver: from names to addresses; without it the system's.
            proxy: what all connections go through.
            artifacts: where large results and bodies lie; without it tools that need them refuse.
            clients: who gets access tokens, by name.
        """
        outside = self._outside = Outside(
            os.environ if environ is None else environ,
            folder,
            resolver=resolver,
            proxy=proxy,
            artifacts=artifacts,
            clients=clients,
        )
        self._by_kind: dict[str, Adapter] = {
            "http": HttpTool(outside),
            "human": HumanTool(),
            "mcp": McpTool(outside),
            "model": ModelTool(outside),
            "process": ProcessTool(outside),
            "python": PythonTool(functions),
            "sql": SqlTool(outside),
        }

    @classmethod
    def of(
        cls, project: Project, proxy: Proxy | None = None, artifacts: ArtifactStore | None = None
    ) -> "Tools":
        """Return the adapters for a project's tools, those that it uses loaded."""
        tools = cls(
            project.functions,
            project.folder,
            proxy=proxy,
            artifacts=artifacts,
            clients=project.clients,
        )
        for kind in {contract.call.kind for contract in project.catalogue}:
            # Without its extra a kind refuses every call, and says what to install.
            with suppress(ExtraError):
                tools._by_kind[kind].load()
        return tools

    def adapter(self, contract: ToolContract) -> Adapter:
        """Return what calls `contract`; it need not be in the catalogue (an undo pins its own)."""
        return self._by_kind[contract.call.kind]

    async def aclose(self) -> None:
        """Let go of connections, and of the processes at their other end."""
        for adapter in self._by_kind.values():
            await adapter.aclose()
        await self._outside.aclose()

# SPDX-License-Identifier: Apache-2.0
"""Scenarios 7 to 10: tools of developers that fetch, build and run."""
from scenario import PACKAGED, STAND_IN, scenario


@scenario(7, "pip, npm, cargo and go builds; installers piped from curl", PACKAGED)
def builds(h, v, days):
    home = "/home/alice/src/tool"

    def pip(sh):
        p = sh.start("/usr/bin/python3.11", "/usr/bin/pip3", "install", "lxml", script="/usr/bin/pip3")
        p.connect("pypi.org", 443, back=40000)
        p.connect("files.pythonhosted.org", 443, back=10**7)
        p.write("/tmp/pip-install-x/setup.py")
        build = p.start("/usr/bin/python3.11", "/tmp/pip-install-x/setup.py", "bdist_wheel")
        cc = build.start("/usr/bin/x86_64-linux-gnu-gcc-12", "-shared", "-o", "/tmp/pip-install-x/etree.so")
        cc.write("/tmp/pip-install-x/etree.so")
        cc.exit()
        build.exit()
        p.write("/home/alice/venv/lib/python3.11/site-packages/lxml/etree.so")
        p.exit()
        use = sh.start("/usr/bin/python3.11", "-c", "import lxml.etree")
        use.load("/home/alice/venv/lib/python3.11/site-packages/lxml/etree.so")
        use.exit()

    def cargo(sh):
        tool = sh.start("/usr/bin/cargo", "build", cwd=home)
        tool.connect("index.crates.io", 443)
        tool.connect("static.crates.io", 443, back=10**7)
        rustc = tool.start("/usr/bin/rustc", "--crate-name", "build_script_build")
        rustc.write(f"{home}/target/debug/build/libz-sys-1/build-script-build", 0o100755)
        rustc.exit()
        tool.run(f"{home}/target/debug/build/libz-sys-1/build-script-build")
        rustc = tool.start("/usr/bin/rustc", "--crate-name", "tool")
        rustc.write(f"{home}/target/debug/tool", 0o100755)
        rustc.exit()
        tool.exit()
        sh.run(f"{home}/target/debug/tool", "--help")

    def go(sh):
        tool = sh.start("/usr/lib/go-1.19/bin/go", "run", ".", cwd=home)
        tool.connect("proxy.golang.org", 443, back=10**6)
        link = tool.start("/usr/lib/go-1.19/pkg/tool/linux_amd64/link")
        link.write("/tmp/go-build11/b001/exe/tool", 0o100755)
        link.exit()
        tool.run("/tmp/go-build11/b001/exe/tool")
        tool.exit()

    def piped(sh):
        curl = sh.start("/usr/bin/curl", "-sSf", "https://sh.rustup.rs")
        script = sh.start("/usr/bin/dash", "-s", "--", "-y")
        curl.connect("sh.rustup.rs", 443, back=20000)
        curl.exit()
        fetch = script.start("/usr/bin/curl", "-o", "/tmp/tmp.x/rustup-init")
        fetch.connect("static.rust-lang.org", 443, back=10**7)
        fetch.write("/tmp/tmp.x/rustup-init")
        fetch.exit()
        script.run("/usr/bin/chmod", "u+x", "/tmp/tmp.x/rustup-init")
        script.chmod("/tmp/tmp.x/rustup-init")
        init = script.start("/tmp/tmp.x/rustup-init", "-y")
        init.connect("static.rust-lang.org", 443, back=10**8)
        init.write("/home/alice/.cargo/bin/rustc", 0o100755)
        init.write("/home/alice/.profile")
        init.run("/home/alice/.cargo/bin/rustc", "--version")
        init.exit()
        script.exit()

    work = (pip, cargo, go, piped)
    for i in days:
        with h.desktop() as desk:
            work[i % 3](desk.terminal())
    with h.desktop() as desk:
        sh = desk.terminal()
        for f in work if v == 0 else (work[v], piped):
            f(sh)
            h.wait(20)
    return {"cargo": ["talks to crates.io"]} if v != 2 else {"golang-1.19-go": ["talks to golang.org"]}


def npm_ci(h, sh):
    cli = "/usr/share/nodejs/npm/bin/npm-cli.js"
    npm = sh.start("/usr/bin/node", cli, "ci", cwd="/home/alice/web", script=cli)
    npm.connect("registry.npmjs.org", 443, back=10**7)
    for name in ("esbuild", "left-pad", "sharp"):
        npm.write(f"/home/alice/web/node_modules/{name}/install.js")
    for name in ("esbuild", "sharp"):
        post = npm.shell("node install.js", cwd=f"/home/alice/web/node_modules/{name}")
        node = post.start("/usr/bin/node", "install.js", cwd=f"/home/alice/web/node_modules/{name}")
        node.connect("registry.npmjs.org", 443, back=10**7)
        if name == "sharp":
            node.connect("github.com", 443, back=10**6)
        node.write(f"/home/alice/web/node_modules/{name}/bin/{name}", 0o100755)
        node.run(f"/home/alice/web/node_modules/{name}/bin/{name}", "--version")
        node.exit()
        post.exit()
    npm.exit()


@scenario(8, "npm postinstall starts node and sh", PACKAGED)
def npm_postinstall(h, v, days):
    for name in ("esbuild", "sharp"):
        h.package(name, "0.19", [f"/home/alice/web/node_modules/{name}/"], origin="npm")
    for i in days:
        with h.desktop() as desk:
            npm_ci(h, desk.terminal()) if i % 4 == v else desk.terminal().run("/usr/bin/git", "pull")
    with h.ssh() if v == 2 else h.desktop() as person:
        npm_ci(h, person if v == 2 else person.terminal())
    return {"npm": ["talks to npmjs.org"]}


@scenario(9, "an editor's extension and its server on another machine are updated", STAND_IN)
def extension(h, v, days):
    """An unknown editor would be told: nothing tells its first fetched server from a second stage (docs/benign.md)."""
    name = "codium" if v == 1 else "code"
    h.package(name, "1.94", ["/usr/share/acme-edit/"], signer="Acme")
    store = ("marketplace.visualstudio.com", "gallerycdn.vsassets.io") if v == 0 else ("ext.acme-edit.test", "cdn.acme-edit.test")
    folder = "/home/alice/.acme-edit/extensions/lang-python"

    def edit(desk, version, fetch):
        app = desk.start("/usr/share/acme-edit/acme-edit")
        host = app.start("/usr/share/acme-edit/acme-edit", "--type=utility")
        host.connect(store[0], 443)
        if fetch:
            host.connect(store[1], 443, back=10**7)
            host.write(f"{folder}-{version}/bin/langserver", 0o100755)
        server = host.start(f"{folder}-{version}/bin/langserver", "--stdio")
        h.wait(3000)
        for p in (server, host, app):
            p.exit()

    n = 0
    for i in days:
        n += i % 5 == 0
        with h.desktop() as desk:
            edit(desk, f"1.{n}", i % 5 == 0)
    with h.desktop() as desk:
        edit(desk, f"1.{n + 1}", True)
    with h.ssh("bob") as sh:  # the far end: a script over ssh fetches the server and starts it
        fetch = sh.start("/usr/bin/wget", "-O", "/home/bob/.acme-edit-server/server.tgz")
        fetch.connect(store[1], 443, back=10**7)
        fetch.exit()
        tar = sh.start("/usr/bin/tar", "-xzf", "/home/bob/.acme-edit-server/server.tgz")
        tar.write("/home/bob/.acme-edit-server/bin/node", 0o100755)
        tar.exit()
        server = sh.start("/home/bob/.acme-edit-server/bin/node", "/home/bob/.acme-edit-server/server-main.js")
        server.listen(38211, ip="127.0.0.1")
        server.accept(38211, "127.0.0.1", 90000, 90000)
    return {name: [f"talks to {store[0].split('.', 1)[1]}"]}


@scenario(10, "a coding assistant at the prompt updates itself", STAND_IN)
def assistant(h, v, days):
    base = "/home/alice/.local/share/acme-code/versions"
    cli = "/home/alice/.npm-global/lib/node_modules/acme-code/cli.js"
    if v == 0:
        h.package("acme-code", "1.0", [cli.rsplit("/", 1)[0] + "/"], origin="npm")

    def start(sh, version):
        p = sh.start("/usr/bin/node", cli) if v == 0 else sh.start(f"{base}/{version}")
        p.connect("api.acme-code.test", 443, out=90000, back=20000)
        p.run("/usr/bin/git", "status")
        p.run("/usr/bin/rg", "--files")
        return p

    for i in days:
        with h.desktop() as desk:
            sh = desk.terminal()
            for _ in range(2):
                start(sh, "1.0").exit()
    with h.desktop() as desk:
        sh = desk.terminal()
        p = start(sh, "1.0")
        if v == 0:
            npm = p.start("/usr/bin/node", "/usr/share/nodejs/npm/bin/npm-cli.js", "install", "-g", "acme-code")
            npm.connect("registry.npmjs.org", 443, back=10**7)
            npm.write(cli)
            npm.exit()
            h.packages["acme-code"]["version"] = "1.1"
        else:
            p.connect("downloads.acme-code.test", 443, back=10**8)
            p.write(f"{base}/1.1")
            p.chmod(f"{base}/1.1")
            if v == 2:
                p.run(f"{base}/1.1", "--version")
        p.exit()
        start(sh, "1.1").exit()
    return {"acme-code" if v == 0 else "1.0": ["talks to acme-code.test"]}

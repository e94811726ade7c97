#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""llama.cpp's own server, from the xllamacpp wheel: serve.py MODEL PORT [CONTEXT]. Prints its address when it listens."""
import sys
import threading

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path, parameters.hostnames, parameters.port = sys.argv[1], ["127.0.0.1"], int(sys.argv[2])
parameters.n_ctx = int(sys.argv[3]) if len(sys.argv) > 3 else 16384
parameters.n_parallel, parameters.cpuparams.n_threads = 2, 2
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
threading.Event().wait()

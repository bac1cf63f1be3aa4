#!/usr/bin/env python3
"""Runs on a real Slurm cluster of two nodes, on good days and bad ones.

    Tests/Slurm/slurm.py BRAKE

Needs root and the packages slurm-wlm and munge; exits with 3, and says so, where they are missing. A run on the cluster makes what a run
without it makes, and notes what it took; a node that fails, also while others read what the stage on it has made so far, a controller that is restarted, a job that somebody cancels, a limit of time, a request that no node
can fulfil, more memory than a job has, a requeue, a full queue, another brake, and Ctrl-C each have the end that docs/slurm.md promises, and no job is left.
"""
import json, os, shutil, signal, subprocess, sys, tempfile, time

programs = ["sbatch", "slurmctld", "slurmd", "munged"]
missing = [name for name in programs if not shutil.which(name) and not os.path.exists(f"/usr/sbin/{name}")]
if missing or os.geteuid() != 0:
    print(f"not run: {'needs root' if not missing else 'not installed: ' + ', '.join(missing)}")
    sys.exit(3)
os.environ["PATH"] += ":/usr/sbin:/sbin"
brake = os.path.abspath(sys.argv[1])
here = os.path.dirname(os.path.abspath(__file__))
folder = tempfile.mkdtemp(prefix="brake-slurm-")
os.chmod(folder, 0o755)
cluster, failures = f"{folder}/cluster", []
# The jobs that there were when the last run began.
known = set()
# All that were started here.
processes = []

PIPELINE = """params: { a: 1, place: "", bad: 1, pause: 0.0, time: first }
stages:
  many:
    for: { i: 1..40 }
    run: "echo part ${i} on a node; seq ${a} $((3000 * ${i})) | cksum > ${out.o}"
    out: { o: o.txt }
    memory: 500M
    time: 10m
  sum: { run: "cat ${in.all} | cksum > ${out.n}", in: { all: many }, out: { n: n.txt }, publish: results/ }
  slow: { run: "sleep 12; echo slow > ${out.o}", out: { o: o.txt } }
  large: { run: "echo > ${out.o}", out: { o: o.txt }, memory: 900G }
  fails: { run: "echo no; exit 7", out: { o: o.txt } }
  grouped:
    for: { k: [x], i: 1..45 }
    run: "echo part ${i}; sleep ${pause}; echo $${SLURM_JOB_ID:-none} > ${out.o}; [ ${i} != 13 ] || [ ${bad} = 0 ]"
    pass-env: [SLURM_JOB_ID]
    out: { o: o.txt }
    group: 20
  here: { run: "env | grep -c SLURM_JOB_ID > ${out.n} || true", out: { n: n.txt }, pass-env: [SLURM_JOB_ID], runner: local }
  there: { run: "true; env | grep -c SLURM_JOB_ID > ${out.n} || true", out: { n: n.txt }, pass-env: [SLURM_JOB_ID], runner: slurm }
  counted:
    for: { k: [x], l: [y] }
    run: "date +%s%N >> ${place}; sleep 15; echo > ${out.o}"
    out: { o: o.txt }
    sandbox: false
  saves:
    run: |
      from=0
      if [ -n "$${BRAKE_RESUME-}" ]; then from=$(ls "$BRAKE_RESUME" | sort -n | tail -1); echo "goes on from $from"; fi
      for step in $(seq $((from + 1)) 110); do
        sleep 1
        echo $step > $step
        printf '{"event":"saved","path":"%s"}\\n' $step >> "$BRAKE_EVENTS"
        rm -f ./$((step - 2))
      done
      rm -f $step $((step - 1)); echo $step > ${out.o}
    out: { o: o.txt }
    time: 1m
  grows:
    run: |
      : ${time}
      mkdir -p ckpt; from=$(ls ckpt | wc -l); echo "goes on from $from"
      for step in $(seq $((from + 1)) 12); do echo $step > ckpt/$step.pt; sleep 1; done
      cat ckpt/*.pt | cksum > ${out.o}
    out: { o: o.txt, ckpt: { folder: ckpt/, key: "*.pt", grows: true } }
    resume: true
  greedy:
    run: python3 -c "import time; x = bytes(range(200)) * (1 << 22); time.sleep(60)"
    memory: 200M
    sandbox: false
  queued:
    for: { i: 1..3 }
    run: "echo ${i} > ${out.o}"
    out: { o: o.txt }
  burns:
    run: python3 -c "import time; x = bytes(range(200)) * (1 << 20); print(sum(range(1000000))); time.sleep(2)" > ${out.o}
    out: { o: o.txt }
    memory: 1G
  teller:
    run: |
      mkdir -p ckpt; from=$(ls ckpt | wc -l); echo "goes on from $from"
      for step in $(seq $((from + 1)) 9); do echo $step > ckpt/$step.pt; sleep 3; done
    out: { ckpt: { folder: ckpt/, key: "*.pt", grows: true, eager: true } }
    resume: true
  reader:
    for: { step: teller.ckpt }
    run: "echo >> $READ-${step}; cksum < ${in.ckpt} > ${out.o}"
    pass-env: [READ]
    in: { ckpt: "teller.ckpt[${step}]" }
    out: { o: o.txt }
    sandbox: false
default: [sum]
"""


def slurm(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60).stdout.split()


def begin(*words):
    process = subprocess.Popen([brake, *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    processes.append(process)
    return process


def start(*words, runner=("--runner", "slurm")):
    known.clear()
    known.update(jobs())
    return begin("-C", f"{folder}/w", "run", *runner, *words)


def output(stage):
    return subprocess.run([brake, "-C", f"{folder}/w", "cat", f"{stage}"], capture_output=True, text=True).stdout.strip()


def told(*words):
    """What brake prints of what is in the workspace's store."""
    return subprocess.run([brake, "-C", f"{folder}/w", *words], capture_output=True, text=True).stdout


def doctor(*words):
    return begin("doctor", "slurm", "-C", f"{folder}/w", *words)


def set_default(name, old, new):
    """Gives a parameter of the pipeline another value, for all that comes."""
    for place in ["w", "calm"]:
        with open(f"{folder}/{place}/brake.yaml") as file:
            text = file.read()
        assert f"{name}: {old}" in text
        with open(f"{folder}/{place}/brake.yaml", "w") as file:
            file.write(text.replace(f"{name}: {old}", f"{name}: {new}", 1))


def expect_gone_on(what, stage):
    """The last attempt of a stage went on from what the one before it had kept, and the record says so."""
    begun = [line.split()[-1] for line in told("log", stage).splitlines() if line.startswith("goes on from")]
    record = told("provenance", "--json", f"{stage}.o")
    if not begun or begun[-1] == "0" or '"times_resumed":1' not in record:
        failures.append(f"{what}: what was kept was not given back: {begun} {record}")


def expect(what, process, status, *texts):
    output = process.communicate(timeout=300)[0]
    problem = next((text for text in texts if text not in output), None)
    if process.returncode != status or problem:
        failures.append(f"{what}: status {process.returncode}, not '{problem}':\n{output}")
    print(f"{what}: {'as promised' if process.returncode == status and not problem else 'FAILED'}", flush=True)
    return output


def jobs(state="all"):
    return slurm("squeue", "--noheader", "--format=%i", f"--states={state}")


def node_of(job):
    return slurm("squeue", "--noheader", "--format=%N", f"--jobs={job}")[0]


def job_of(stage):
    """The job that runs a stage; None if none does."""
    lines = subprocess.run(["squeue", "--noheader", "--states=RUNNING", "--format=%i %j"], capture_output=True, text=True).stdout
    return next((line.split()[0] for line in lines.splitlines() if line.split()[-1] == stage), None)


def until(what, test):
    for _ in range(600):
        if found := test():
            return found
        time.sleep(0.1)
    raise SystemExit(f"{what}: not within a minute")


def until_running():
    for _ in range(300):
        if running := set(jobs("RUNNING")) - known:
            time.sleep(1)
            return running.pop()
        time.sleep(0.1)
    raise SystemExit("no job runs")


def without_a_controller(what, seconds, leave, come_back):
    """A stage whose job ends while the controller does not answer."""
    process = start("-B", "slow")
    until_running()
    controller(leave)
    time.sleep(seconds)
    controller(come_back)
    expect(what, process, 0, "1 ran")


def configure(old, new):
    with open(os.environ["SLURM_CONF"]) as file:
        text = file.read()
    assert old in text
    controller("stop")
    with open(os.environ["SLURM_CONF"], "w") as file:
        file.write(text.replace(old, new))
    controller("start")
    until("a controller with another configuration", lambda: slurm("sinfo", "--noheader", "--states=idle", "--format=%D") == ["2"])


def controller(action):
    pattern = f"^slurmctld -f {os.environ['SLURM_CONF']}"
    if action in ("hang", "go on"):
        subprocess.run(["pkill", "-STOP" if action == "hang" else "-CONT", "-f", pattern], check=True)
    elif action == "stop":
        # It keeps what it knows of jobs.
        subprocess.run(["pkill", "-TERM", "-f", pattern], check=True)
        until("no controller", lambda: subprocess.run(["pgrep", "-f", pattern], capture_output=True).returncode != 0)
    else:
        subprocess.run(["slurmctld", "-f", os.environ["SLURM_CONF"]], check=True)
        # It goes on in the background, and may not be there yet.
        until("the controller", lambda: subprocess.run(["timeout", "5", "scontrol", "ping"], capture_output=True).returncode == 0)


try:
    done = subprocess.run([f"{here}/cluster.sh", cluster], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"no cluster could be started: {done.stderr}")
    os.environ["SLURM_CONF"] = done.stdout.strip()
    for name in ["w", "calm"]:
        os.makedirs(f"{folder}/{name}")
        with open(f"{folder}/{name}/brake.yaml", "w") as file:
            file.write(PIPELINE)
    calm = subprocess.run([brake, "-C", f"{folder}/calm", "run", "--json"], capture_output=True, text=True)
    expect("as without a cluster", start("--json"), 0, json.dumps(json.loads(calm.stdout)["outputs"]["sum"]["n"]))
    expect("again", start(), 0, "41 hit")
    expect("a command that fails", start("fails"), 2, "the command failed", "printed    no")
    expect("more than any node has", start("large"), 2, "no node of the cluster has what the job asks for")

    expect("one of a group fails, and the others do not", start("-k", "grouped"), 2, "44 ran", "1 failed")
    numbers = [output(f"grouped[x,{i}]") for i in range(1, 46) if i != 13]
    if not 2 <= len(set(numbers)) <= 5 or "none" in numbers:
        failures.append(f"actions of a group are no group: {numbers}")
    process = start("-B", "grouped", "bad=0", "pause=0.5")
    until_running()
    process.kill()
    process.wait()
    expect("a group of a killed brake", start("grouped", "bad=0", "pause=0.5"), 0, "0 failed")
    process = start("-B", "grouped", "bad=0", "pause=0.5")
    until_running()
    process.send_signal(signal.SIGINT)
    expect("Ctrl-C in a group", process, 130, "interrupted")
    if left := jobs("RUNNING,PENDING"):
        failures.append(f"jobs of a group are left: {left}")

    process = start("slow")
    node = node_of(until_running())
    subprocess.run(["scontrol", "update", f"nodename={node}", "state=down", "reason=test"])
    time.sleep(2)
    # It may have come back by itself.
    slurm("scontrol", "update", f"nodename={node}", "state=resume")
    expect("a node that fails", process, 0, "is submitted again", "1 ran")

    without_a_controller("a controller that is away while a job ends", 16, "stop", "start")

    controller("stop")
    process = start("-B", "fails")
    time.sleep(5)
    controller("start")
    expect("a controller that is away when a job is submitted", process, 2, "the command failed", "printed    no")

    process = start("-B", "slow")
    slurm("scancel", until_running())
    expect("a job that is cancelled", process, 2, "somebody cancelled the job")

    process = start("-B", "slow")
    until_running()
    process.send_signal(signal.SIGINT)
    expect("Ctrl-C", process, 130, "interrupted")
    if left := jobs("RUNNING,PENDING"):
        failures.append(f"jobs are left: {left}")

    # Jobs of a brake that was killed go on, and whoever wants what they do goes on with them.
    place = f"{folder}/begun"
    process = start("counted", f"place={place}")
    job = until_running()
    process.kill()
    process.wait()
    expect("a job without a brake", doctor(), 0, f"job {job} (brake-", "scancel", "as here")
    expect("a killed brake's job, while it runs", start("counted", f"place={place}"), 0,
           f"goes on with the job {job}", "1 ran")
    process = start("-B", "counted", f"place={place}2")
    until_running()
    process.kill()
    process.wait()
    until("no job runs", lambda: not jobs("RUNNING,PENDING,COMPLETING"))
    expect("a killed brake's job, after it has ended", start("counted", f"place={place}2"), 0, "1 ran")
    for name in [place, f"{place}2"]:
        if len(open(name).read().split()) != 1:
            failures.append(f"{name}: begun more than once")
    process = start("counted", f"place={place}3")
    job = until_running()
    process.kill()
    process.wait()
    slurm("scancel", job)
    # A brake that finds it still running follows it, and says then that somebody cancelled it.
    until("no job runs", lambda: not jobs("RUNNING,PENDING,COMPLETING"))
    expect("a killed brake's job that was cancelled", start("counted", f"place={place}3"), 0, "1 ran")

    expect("a stage that runs here", start("here"), 0, "1 ran")
    expect("all stages here", start("there", runner=("--runner", "local")), 0, "1 ran")
    if (output("here"), output("there")) != ("0", "0"):
        failures.append(f"stages do not run here: {output('here')}, {output('there')}")
    expect("a stage that runs there", start("-B", "there", runner=()), 0, "1 ran")
    if output("there") != "1":
        failures.append("a stage does not run on the cluster")
    expect("a run without a terminal", start("-B", "slow", "--detach"), 0, "goes on without this terminal")
    expect("that run, looked at", begin("-C", f"{folder}/w", "attach"), 0, "1 ran")
    expect("the doctor", doctor(), 0, "sees", "as here", "slurm-wlm")
    os.environ["SBATCH_PARTITION"] = "nowhere"
    expect("the doctor of a partition that is not there", doctor(), 2, "BAD", "invalid partition")
    del os.environ["SBATCH_PARTITION"]

    expect("a limit of time", start("saves"), 0, "is submitted again", "1 ran")
    log = told("log", "saves")
    if "goes on from" not in log:
        failures.append(f"what was saved was not given back: {log}")
    # What grows is in the store while the job runs, and in its place for the next one.
    process = start("grows")
    job = until_running()
    until("what grows is in the store", lambda: output("grows.ckpt[2]") == "2")
    slurm("scancel", "--signal=KILL", "--full", job)
    expect("a job that is killed while its checkpoints grow", process, 2)
    expect("another that goes on from them", start("grows"), 0, "1 ran")
    expect_gone_on("a job that is killed while its checkpoints grow", "grows")
    straight = subprocess.run("for i in $(seq 12); do echo $i > $i.pt; done; cat *.pt | cksum", shell=True, cwd=f"{folder}/calm",
                              capture_output=True, text=True).stdout.strip()
    if output("grows.o") != straight:
        failures.append("a job that was killed and went on made something else")

    # Stages that read what another has made so far run beside it, and are not lost with its node.
    os.environ["READ"] = place = f"{folder}/read"
    process = start("reader")
    until("what grows is read early", lambda: os.path.exists(f"{place}-2"))
    node = node_of(until("a stage whose outputs are read", lambda: job_of("teller")))
    if os.path.exists(f"{place}-9"):
        failures.append("nothing was read early")
    slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    time.sleep(2)
    slurm("scontrol", "update", f"nodename={node}", "state=resume")
    expect("a node that fails while what grows on it is read", process, 0, "is submitted again", "10 ran")
    log = told("log", "teller")
    begun = [line.split()[-1] for line in log.splitlines() if line.startswith("goes on from")]
    if not begun or begun[-1] == "0":
        failures.append(f"a stage whose outputs are read did not go on from them: {log}")
    for step in range(1, 10):
        wanted = subprocess.run(f"echo {step} | cksum", shell=True, capture_output=True, text=True).stdout.strip()
        if output(f"reader[{step}]") != wanted:
            failures.append(f"what was read early is wrong: {step}: {output(f'reader[{step}]')}")
    for step in [1, 2]:
        if len(open(f"{place}-{step}").readlines()) != 1:
            failures.append(f"what was read early was read again: {step}")

    # A job that is put back into the queue, as those are that make place for others.
    set_default("time", "first", "second")
    process = start("grows")
    job = until("a stage that grows", lambda: job_of("grows"))
    until("what grows is in the store", lambda: output("grows.ckpt[2]") == "2")
    slurm("scontrol", "requeue", job)
    expect("a job that is put back into the queue", process, 0, "is submitted again", "1 ran")
    expect_gone_on("a job that is put back into the queue", "grows")
    if output("grows.o") != straight:
        failures.append("a job that was put back into the queue made something else")

    expect("more memory than a job was given", start("greedy"), 2, "more memory than it was given", "exceeded memory limit")

    without_a_controller("a controller that hangs while a job ends", 20, "hang", "go on")

    # Nodes with another brake: what is to be done is from one, as a node with another one sees it.
    os.makedirs(f"{folder}/config/brake")
    with open(f"{folder}/config/brake/config", "w") as file:
        file.write("slurm-setup: find cache -name ticket.json -exec sed -i 's/\"version\":\"[^\"]*\"}$/\"version\":\"0.0.1\"}/' {} +\n")
    os.environ["XDG_CONFIG_HOME"] = f"{folder}/config"
    expect("another brake on the nodes", start("-B", "slow"), 2, "brake 0.0.1 has sent this action",
           "install the same brake on all nodes")
    del os.environ["XDG_CONFIG_HOME"]

    # Slurm takes no more jobs before it has forgotten some that have ended.
    configure("MaxJobCount=10000", "MaxJobCount=2\nMinJobAge=5")
    expect("a full queue", start("queued"), 0, "3 ran")
    configure("MaxJobCount=2\nMinJobAge=5", "MaxJobCount=10000")

    # What an action took stands beside its record, without the time in the queue.
    subprocess.run(["scontrol", "update", "partitionname=main", "state=down"], check=True)
    begun = time.monotonic()
    process = start("burns")
    time.sleep(8)
    waited = time.monotonic() - begun
    subprocess.run(["scontrol", "update", "partitionname=main", "state=up"], check=True)
    expect("a job that waits in the queue", process, 0, "1 ran")
    made = json.loads(told("log", "burns", "--json"))[0]["made"]
    if not 0 < made["seconds"] < time.monotonic() - begun - waited or not 0 < made["cpu_seconds"] <= made["seconds"] + 1:
        failures.append(f"the time that a job took is not noted: {made}")
    if not 200 << 20 < made["peak_memory"] < 1 << 30 or not made["host"]:
        failures.append(f"the memory that a job had is not noted: {made}")

    # A brake that is stopped for so long that another one takes it for dead, and goes on when that one has recorded the action.
    process = start("counted", f"place={place}4")
    until_running()
    process.send_signal(signal.SIGSTOP)
    expect("the job of a brake that is stopped", start("counted", f"place={place}4"), 0, "1 ran")
    process.send_signal(signal.SIGCONT)
    expect("the brake that was stopped", process, 0)
    if len(open(f"{place}4").read().split()) != 1:
        failures.append("the action of a brake that was stopped was begun more than once")

    verify = subprocess.run([brake, "verify", "--store", f"{folder}/w/cache"], capture_output=True, text=True)
    if verify.returncode != 0:
        failures.append(verify.stdout + verify.stderr)
    left = [name for name in os.listdir(f"{folder}/w/cache/tmp") if len(name) == 32]
    left += os.listdir(f"{folder}/w/cache/index/jobs")
    if left:
        failures.append(f"folders are left: {left}")
finally:
    for process in processes:
        if process.poll() is None:
            process.kill()
    if "SLURM_CONF" in os.environ:
        try:
            slurm("scancel", "--user=root")
        except subprocess.TimeoutExpired as error:
            failures.append(f"the jobs could not be cancelled: {error}")
    subprocess.run([f"{here}/cluster.sh", cluster, "stop"])
    subprocess.run(["chmod", "-R", "u+w", folder])
    shutil.rmtree(folder, ignore_errors=True)
for failure in failures:
    print(f"FAILED {failure}")
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)

package podwright

import org.jenkinsci.plugins.credentialsbinding.impl.CredentialNotFoundException
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException

/**
 * The only bridge between Jenkins and the planner, which is Python and knows all the rest.
 *
 * It sends a request as it is, makes the pod that it gets and runs the script that it gets. It
 * knows no builder, no default and no check of parameters but their names. Steps are few, because
 * each costs Jenkins a save of the program; docs/explanation/groovy-bridge.md counts them.
 */
class Bridge implements Serializable {
  private static final long serialVersionUID = 1L

  private final Object steps
  private final String step
  private final Resources resources
  private final Records records
  private Map parts = null
  private Map roles = null

  /**
   * @param steps the script that was called: gives access to steps and variables
   * @param step the name of the step, for messages and labels
   */
  Bridge(Object steps, String step) {
    this.steps = steps
    this.step = step
    this.resources = new Resources(steps)
    this.records = new Records(steps)
  }

  /** Builds what the request says, in the builder pod around or in one of its own. */
  Object build(Object[] given) {
    Map call = read(given, 'image')
    Map request = call.request
    if (request.podPerPlatform == true) {
      return buildApart(request, call.body)
    }
    if (inBuilderPod()) {
      if (request.pod != null) {
        fail('pod: this pod is there already; give pod to withBuilderPod.')
      }
      call.body?.call()
      return told(request)
    }
    judge(request)
    return buildInPod(request, call.body)
  }

  /** Holds a builder pod while the body runs; only the planner can judge other keys. */
  Object hold(Object[] given) {
    Map call = read(given, 'builder')
    if (call.body == null) {
      fail('a body is missing; write withBuilderPod { ... }.')
    }
    judge(call.request)
    return inPod(call.request, Requests.hasMoreThan('builder', call.request)) {
      writeBundle('podwright.pyz')
      // The name tells this pod from another agent that the body may take; the directory is where
      // the bundle is, also inside a ws of the body, which has a WORKSPACE_TMP of its own.
      List marks = [
        'PODWRIGHT_POD=' + steps.env.NODE_NAME,
        'PODWRIGHT_POD_TMP=' + steps.env.WORKSPACE_TMP,
        'PODWRIGHT_POD_PLANNER=' + roles.planner,
        'PODWRIGHT_POD_CLIENT=' + roles.client,
      ]
      return steps.withEnv(marks) {
        return call.body.call()
      }
    }
  }

  /**
   * Runs a command of podwright that needs no builder: on the agent in hand when that has python3,
   * in the tools container of a builder pod, or in a pod of its own.
   */
  Object command(String name, Object[] given, String named) {
    Map call = read(given, named)
    if (call.body != null) {
      fail('takes no body; remove it.')
    }
    List problems = Call.unknown(step, call.request)
    if (!problems.isEmpty()) {
      fail(problems.join('\n'))
    }
    if (hasAgent() && !inBuilderPod()) {
      return runCommand(name, call.request)
    }
    Closure inTools = {
      return besidePlanner {
        return runCommand(name, call.request)
      }
    }
    return inBuilderPod() ? inTools.call() : inPod([builder: 'commands'], false, inTools)
  }

  /** Asks the cluster, from a pod in it, which strategies can run. */
  Object examine(Object[] given) {
    Map request = read(given, null).request
    List problems = Call.unknown(step, request)
    if (!problems.isEmpty()) {
      fail(problems.join('\n'))
    }
    String account = request.serviceAccount == null ? 'default' : request.serviceAccount.toString()
    if (!account.matches('[a-z0-9.-]+')) {
      fail("serviceAccount: '${account}' is not a valid name.".toString())
    }
    Map template = [inheritFrom: '', showRawYaml: false]
    template.yaml = resources.text(Resources.OWN + '/doctor.json').replace('@account@', account)
    for (String name in ['cloud', 'namespace']) {
      if (request[name] != null) {
        template[name] = request[name].toString()
      }
    }
    return inTemplate(template) {
      return steps.container('tools') {
        return runCommand('doctor', request)
      }
    }
  }

  private Object buildInPod(Map request, Closure body) {
    return inPod(request, request.pod != null) {
      writeBundle('podwright.pyz') // before the body, in whose time the planner loads it
      body?.call()
      return told(request)
    }
  }

  /** Builds each platform in a pod of its own, all at once; the last one joins them. */
  private Object buildApart(Map request, Closure body) {
    String problem = Parts.problem(request, inBuilderPod() == true)
    if (problem != null) {
      fail(problem)
    }
    judge(request)
    List requests = Parts.of(request)
    parts = [count: requests.size(), built: [:]]
    Map branches = [failFast: true]
    for (int i = 0; i < requests.size(); i++) {
      Map one = (Map) requests.get(i)
      branches[one.platforms.get(0)] = { buildInPod(one, body) }
    }
    return Parts.result(request, (Map) steps.parallel(branches))
  }

  private Object runCommand(String name, Map request) {
    Map prepared = Requests.prepare(request)
    String id = UUID.randomUUID().toString()
    if (step != 'buildImage') { // which has it in this pod already
      writeBundle(id + '/podwright.pyz')
    }
    String label = Requests.label(step == 'buildImage' ? step + ' ' + name : step, request)
    return withLogins(prepared.bindings) {
      return answer(Scripts.command(id, name, prepared.json), label).value
    }
  }

  private Map read(Object[] given, String named) {
    Map call = Call.read(given, named)
    return call.problem == null ? call : (Map) fail(
      "${call.problem}; give parameters by their names: ${step}(${named}: '...').".toString())
  }

  private Object inBuilderPod() {
    return steps.env.PODWRIGHT_POD != null && steps.env.PODWRIGHT_POD == steps.env.NODE_NAME
  }

  /** Runs a closure in the container of the builder pod that has python3. */
  private Object besidePlanner(Closure inside) {
    return inContainer(inBuilderPod() ? steps.env.PODWRIGHT_POD_PLANNER : roles.planner, inside)
  }

  /** Runs a closure in a container; the agent's needs no exec, unless another is around. */
  private Object inContainer(Object name, Closure inside) {
    if (name == 'jnlp' && steps.env.POD_CONTAINER == null) {
      return inside.call()
    }
    return steps.container(name) {
      return inside.call()
    }
  }

  /**
   * Tells, before there is a pod, what can be told: all of it by Python on the agent in hand, when
   * that has Python; without an agent the names of parameters alone.
   */
  private void judge(Map request) {
    if (!hasAgent()) {
      List problems = Call.unknown(step, request)
      if (!problems.isEmpty()) {
        fail(problems.join('\n'))
      }
      return
    }
    // Which pools there are stands in a config that may lie beside the presets alone.
    boolean planned = request.pod != null || request.pool != null || step != 'buildImage'
    if (!planned && steps.env.WORKSPACE_TMP.startsWith('/')) { // not on Windows
      planHere(request, true)
    }
  }

  private boolean hasAgent() {
    return steps.env.NODE_NAME != null && steps.env.WORKSPACE_TMP != null
  }

  /** Runs a closure on the agent of a new pod. Each step in it saves what is held meanwhile. */
  private Object inPod(Map request, boolean planned, Closure inside) {
    // A pod is complete: it must not inherit from a podTemplate around it.
    Map template = [inheritFrom: '', showRawYaml: steps.env.PODWRIGHT_SHOW_POD == '1']
    // The pod's planner loads this bundle, and no other, before it is asked.
    String made = (planned ? plan(request) : preset(request)).replace('@sum@', Bundle.SUM)
    made = step == 'withBuilderPod' ? Requests.held(made) : made
    roles = Requests.roles(made)
    template.yaml = request.part == true ? Parts.onNode(made, request) : made
    if (request.pod instanceof Map && request.pod.cloud != null) {
      template.cloud = request.pod.cloud.toString()
    }
    return inTemplate(template, inside)
  }

  private Object inTemplate(Map template, Closure inside) {
    String label = null
    boolean held = false
    try {
      return steps.podTemplate(template) {
        label = steps.env.POD_LABEL
        return steps.node(label) {
          held = true
          return inside.call()
        }
      }
    } catch (Exception e) {
      explain(e, label, held)
      throw e
    }
  }

  /**
   * Says why a pod did not start or was lost. What a retry around this step may be about stays the
   * exception that it was, after a line that explains it.
   */
  private void explain(Exception e, String label, boolean held) {
    String message = e.message == null ? '' : e.message
    boolean interrupted = e instanceof FlowInterruptedException
    String symptoms = label == null ? null : resources.text(Resources.OWN + '/pod-symptoms.json')
    if (symptoms == null || message.startsWith(step + ': ')) {
      return // an error of the build itself
    }
    boolean itself = PodFailure.cause(symptoms, [message]) != null
    if (held && !(itself && (interrupted || message.contains(PodFailure.mark(label))))) {
      return // an abort, a timeout, or an error of the body
    }
    Map cause = PodFailure.cause(symptoms, PodFailure.said(steps.currentBuild, label, message))
    if (cause == null) {
      return
    }
    String what = held ? 'the pod was lost: ' : 'the pod did not start: '
    String sentence = what + cause.sentence + '; ' + cause.remedy
    records.tell(cause, step + ': ' + sentence)
    boolean given = itself || message.contains('Queue task was cancelled')
    if (!interrupted || given && !cause.transient) {
      fail(sentence)
    }
    steps.echo('[podwright] ERROR: ' + step + ': ' + sentence)
  }

  /** Returns the pod that was rendered when the library was released: needs no agent. */
  private String preset(Map request) {
    String name = request.builder == null ? 'default' : request.builder.toString()
    // A part needs a node of its platform, and nothing of its builder.
    Map wishes = request.part == true ? request + [platforms: null] : request
    List asked = Requests.asked(wishes, 'features')
    if (!asked.isEmpty() && Parameters.of('choosing').contains(name)) {
      name = Requests.choice(resources.text(resources.folder() + 'choices.txt'), asked, name)
    }
    if (request.pool != null && request.pool != '') {
      name = 'pool-' + request.pool
    }
    String file = resources.folder() + name + '.json'
    String pod = name.matches('[a-z0-9-]+') ? resources.text(file) : null
    if (pod == null && name.startsWith('pool-')) {
      return plan(request)
    }
    if (pod == null) {
      fail(resources.withoutPreset(name))
    }
    return Requests.asked(request, 'around').isEmpty() ? pod
      : Requests.roomy(pod, resources.text(resources.folder() + 'commands.json'))
  }

  /** Returns the pod that the planner makes for this request, on an agent that has python3. */
  private String plan(Map request) {
    if (hasAgent()) {
      return planHere(request, false)
    }
    if (steps.env.PODWRIGHT_PLANNER == null) {
      fail('this pod must be planned on an agent with python3, and there is none here: call the '
        + 'step inside node, or set PODWRIGHT_PLANNER to the label of such agents.')
    }
    return steps.node(steps.env.PODWRIGHT_PLANNER) {
      return planHere(request, false)
    }
  }

  /** Plans on the agent in hand, or only looks for mistakes as far as that is possible there. */
  private String planHere(Map request, boolean onlyJudge) {
    String id = UUID.randomUUID().toString()
    if (!onlyJudge) {
      writeConfig(id)
    }
    // Not beside other jobs: the agent may plan for several at once, and it must be left clean.
    writeBundle(id + '/podwright.pyz')
    String label = Requests.label(step + (onlyJudge ? ' check' : ' plan'), request)
    String json = Requests.toJson(request)
    String script = onlyJudge ? Scripts.judge(id, step, json) : Scripts.pod(id, step, json)
    return Requests.toJson((Map) answer(script, label).pod)
  }

  /** Writes the organisation's config, which lies beside its presets, for a pod that is planned. */
  private void writeConfig(String id) {
    if ((steps.env.PODWRIGHT_RESOURCES ?: Resources.OWN) == Resources.OWN) {
      return
    }
    String config = resources.text(resources.folder() + 'config.yaml')
    if (config != null) {
      steps.writeFile(file: path(id + '/config'), text: config, encoding: 'UTF-8')
    } else if (steps.env.PODWRIGHT_CONFIG == null) {
      fail("resources/${resources.folder()} has no config.yaml, which a pod that is planned needs: "
        + 'render the presets again with podwright generate --presets, or set PODWRIGHT_CONFIG.')
    }
  }

  /** Writes the planner to the agent, without a sh. */
  private void writeBundle(String name) {
    steps.writeFile(file: path(name), encoding: 'Base64', text: steps.libraryResource(
      resource: 'podwright/podwright.pyz', encoding: 'Base64'))
  }

  /** Sends one request to the planner in this pod and runs the script that it answers. */
  private Object run(Map request) {
    Map answered = bound(request)
    if (answered.defaults != null) {
      // Only Jenkins can bind the credentials that the organisation's defaults name.
      answered = bound(request + (Map) answered.defaults)
    }
    return answered.turns == null ? answered.value : inTurn((List) answered.turns)
  }

  /** Runs what is to be done around a build, and the build itself: see sequence.py. */
  private Object inTurn(List turns) {
    Object result = null
    for (int i = 0; i < turns.size(); i++) {
      Map turn = (Map) turns.get(i)
      if (turn.joins != null) {
        Parts.put(parts, turn, result)
        if (parts.built.size() < parts.count) {
          return null // another pod, which is not done yet, will join them
        }
      } else if (turn.command == null) {
        result = bound((Map) turn.request).value
      } else {
        Map given = Requests.taken(turn, result)
        Object made = besidePlanner {
          return runCommand(turn.command.toString(), given)
        }
        Requests.put(turn, result, made)
      }
    }
    return result
  }

  private Map bound(Map request) {
    Map prepared = Requests.prepare(request)
    // Not around the body, which would cost nothing more: what that runs must not see the secrets.
    return withLogins(prepared.bindings) {
      String script = Scripts.build(UUID.randomUUID().toString(), prepared.json)
      return (Map) inContainer(inBuilderPod() ? steps.env.PODWRIGHT_POD_CLIENT : roles.client) {
        return answer(script, Requests.label(step, request))
      }
    }
  }

  private Object withLogins(List wanted, Closure inside) {
    if (wanted.isEmpty()) {
      return inside.call()
    }
    try {
      return steps.withCredentials(new Bindings(steps).of(wanted)) {
        return inside.call()
      }
    } catch (CredentialNotFoundException e) {
      return fail(Requests.unbound(wanted, e.message))
    }
  }

  /** Runs a script and returns what it answers, or fails with the error it answers. */
  private Map answer(String script, String label) {
    String text = steps.sh(script: script, label: label, returnStdout: true)
    Map answered = Requests.parse(text)
    if (answered == null) {
      fail('the script has ended without an answer; its log is above.')
    }
    if (answered.failure != null) {
      records.tell((Map) answered.failure, Requests.named(step, answered.error.toString()))
    }
    if (answered.error != null) {
      fail(answered.error)
    }
    return answered
  }

  /** Builds, and tells of the build what is wanted: in a page also when it fails. */
  private Object told(Map request) {
    if (request.report != true) {
      return records.keep(request, run(request))
    }
    Map noted = request + [steps: path(UUID.randomUUID().toString() + '.steps')]
    Object result = null
    try {
      result = run(noted)
    } catch (FlowInterruptedException e) {
      throw e
    } catch (Exception e) {
      try {
        publish(Requests.page(noted, null, e.message, steps.env.PODWRIGHT_FAILURE))
      } catch (Exception other) { // the build's own failure is what counts
        steps.echo('[podwright] no report was made: ' + other.message)
      }
      throw e
    }
    if (result != null) {
      publish(Requests.page(noted, result, null, null))
    }
    return records.keep(request, result)
  }

  /** Makes the page of a build in its pod, and shows it. */
  private void publish(Map page) {
    besidePlanner {
      return runCommand('report', page)
    }
    records.show(page)
  }

  private String path(String name) {
    String home = inBuilderPod() ? steps.env.PODWRIGHT_POD_TMP : steps.env.WORKSPACE_TMP
    return home + '/podwright/' + name
  }

  private Object fail(String sentence) {
    return steps.error(Requests.named(step, sentence))
  }
}

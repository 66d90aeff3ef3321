package podwright

import org.jenkinsci.plugins.credentialsbinding.impl.CredentialNotFoundException

/**
 * The only bridge between Jenkins and the planner, which is Python and knows all the rest.
 *
 * It sends a request as it is, makes the pod that it gets and runs the script that it gets. It
 * knows no builder, no default and no check of parameters. Steps are few, because each costs
 * Jenkins a save of the program: 25 flow nodes at most for an image in a pod of its own, 14 in a
 * pod that is there.
 */
class Bridge implements Serializable {
  private static final long serialVersionUID = 1L
  private static final int LONGEST_POD_IN_LOG = 20000

  private final Object steps
  private final String step

  /**
   * @param steps the script that was called: gives access to steps and variables
   * @param step the name of the step, for messages and labels
   */
  Bridge(Object steps, String step) {
    this.steps = steps
    this.step = step
  }

  /** Builds what the request says, in the builder pod around or in one of its own. */
  Object build(Map request, Closure body) {
    if (inBuilderPod()) {
      runBody(body)
      return run(request)
    }
    return inPod(request, request.pod != null) { String bundle ->
      runBody(body)
      unpack(bundle)
      return run(request)
    }
  }

  /** Holds a builder pod while the body runs; only the planner can judge other keys. */
  Object hold(Map request, Closure body) {
    if (body == null) {
      fail('a body is missing; write withBuilderPod { ... }.')
    }
    return inPod(request, Requests.hasMoreThan('builder', request)) { String bundle ->
      unpack(bundle)
      // The name tells this pod from another agent that the body may take; the directory is where
      // the bundle is, also inside a ws of the body, which has a WORKSPACE_TMP of its own.
      List marks = [
        'PODWRIGHT_POD=' + steps.env.NODE_NAME,
        'PODWRIGHT_POD_TMP=' + steps.env.WORKSPACE_TMP,
      ]
      return steps.withEnv(marks) {
        return runBody(body)
      }
    }
  }

  private Object inBuilderPod() {
    return steps.env.PODWRIGHT_POD != null && steps.env.PODWRIGHT_POD == steps.env.NODE_NAME
  }

  private Object runBody(Closure body) {
    return body == null ? null : body.call()
  }

  /** Runs a closure on the agent of a new pod; gives it the bundle when that is loaded already. */
  private Object inPod(Map request, boolean planned, Closure inside) {
    String bundle = planned ? loadBundle() : null
    // A pod is complete: it must not inherit from a podTemplate around it.
    Map template = [inheritFrom: '']
    String pod = planned ? plan(request, bundle) : preset(request)
    template.yaml = pod
    // Some pods carry the source of what runs in them, which would flood the log.
    template.showRawYaml = pod.length() < LONGEST_POD_IN_LOG
    if (request.pod instanceof Map && request.pod.cloud != null) {
      template.cloud = request.pod.cloud.toString()
    }
    return steps.podTemplate(template) {
      return steps.node(steps.env.POD_LABEL) {
        return inside.call(bundle)
      }
    }
  }

  /** Returns the pod that was rendered when the library was released: needs no agent. */
  private String preset(Map request) {
    String folder = (steps.env.PODWRIGHT_RESOURCES ?: 'podwright') + '/pods/'
    String name = request.builder == null ? 'default' : request.builder.toString()
    String pod = name.matches('[a-z0-9-]+') ? resource(folder + name + '.json') : null
    if (pod != null) {
      return pod
    }
    String known = resource(folder + 'names.txt')
    return fail(known == null
      ? "no loaded library has presets in resources/${folder}; load the one that has them, or "
        + 'correct PODWRIGHT_RESOURCES.'
      : "unknown builder '${name}'; known are ${known.trim()}.")
  }

  /** Returns a text of the loaded libraries, or null when none has it. */
  private String resource(String path) {
    try {
      return steps.libraryResource(resource: path, encoding: 'UTF-8')
    } catch (Exception e) {
      if (e.message == null || !e.message.startsWith('No such library resource')) {
        throw e
      }
      return null
    }
  }

  /** Returns the pod that the planner makes for this request, on an agent that has python3. */
  private String plan(Map request, String bundle) {
    if (steps.env.NODE_NAME != null && steps.env.WORKSPACE_TMP != null) {
      return planHere(request, bundle)
    }
    if (steps.env.PODWRIGHT_PLANNER == null) {
      fail('this pod must be planned on an agent with python3, and there is none here: call the '
        + 'step inside node, or set PODWRIGHT_PLANNER to the label of such agents.')
    }
    return steps.node(steps.env.PODWRIGHT_PLANNER) {
      return planHere(request, bundle)
    }
  }

  private String planHere(Map request, String bundle) {
    String id = writeRequest(Requests.toJson(request))
    // Not beside other jobs: the agent may plan for several at once, and it must be left clean.
    steps.writeFile(file: path(id + '/podwright.pyz'), text: bundle, encoding: 'Base64')
    String label = Requests.label(step + ' plan', request)
    return Requests.toJson((Map) answer(Scripts.pod(id, step), label, 'pod'))
  }

  private String loadBundle() {
    return steps.libraryResource(resource: 'podwright/podwright.pyz', encoding: 'Base64')
  }

  /** Writes the planner to the agent, without a sh. */
  private void unpack(String bundle) {
    String text = bundle == null ? loadBundle() : bundle
    steps.writeFile(file: path('podwright.pyz'), text: text, encoding: 'Base64')
  }

  /** Sends one request to the planner in this pod and runs the script that it answers. */
  private Object run(Map request) {
    Map prepared = Requests.prepare(request)
    String label = Requests.label(step, request)
    if (prepared.bindings.isEmpty()) {
      return inBuilder(prepared.json, label)
    }
    // Not around the body, which would cost nothing more: what that runs must not see the secrets.
    try {
      return steps.withCredentials(bindings(prepared.bindings)) {
        return inBuilder(prepared.json, label)
      }
    } catch (CredentialNotFoundException e) {
      return fail(Requests.unbound(prepared.bindings, e.message))
    }
  }

  private Object inBuilder(String json, String label) {
    String id = writeRequest(json)
    return steps.container('builder') {
      return answer(Scripts.build(id), label, 'value')
    }
  }

  /** Runs a script and returns what it answers under a key, or fails with the error it answers. */
  private Object answer(String script, String label, String key) {
    String text = steps.sh(script: script, label: label, returnStdout: true)
    Map answered = Requests.parse(text)
    if (answered == null) {
      fail('the script has ended without an answer; its log is above.')
    }
    if (answered.error != null) {
      fail(answered.error)
    }
    return answered.get(key)
  }

  private String writeRequest(String json) {
    String id = UUID.randomUUID().toString()
    steps.writeFile(file: path(id + '/request.json'), text: json, encoding: 'UTF-8')
    return id
  }

  private String path(String name) {
    String home = inBuilderPod() ? steps.env.PODWRIGHT_POD_TMP : steps.env.WORKSPACE_TMP
    return home + '/podwright/' + name
  }

  private List bindings(List wanted) {
    List result = []
    for (Map one in wanted) {
      result.add(binding(one))
    }
    return result
  }

  private Object binding(Map one) {
    String id = one.credentialsId
    String name = one.variable
    switch (one.type) {
      case 'usernamePassword':
        return steps.usernamePassword(
          credentialsId: id, usernameVariable: name + '_USR', passwordVariable: name + '_PSW')
      case 'string':
        return steps.string(credentialsId: id, variable: name)
      case 'file':
        return steps.file(credentialsId: id, variable: name)
      default:
        return steps.sshUserPrivateKey(credentialsId: id, keyFileVariable: name)
    }
  }

  private Object fail(String sentence) {
    return steps.error(sentence.startsWith(step + ': ') ? sentence : step + ': ' + sentence)
  }
}

import podwright.runner.Section

/** The declarative syntax, written in terms of the scripted one: the variable "pipeline". */
Object call(Closure body) {
  Section model = read('pipeline', body)
  declareParameters(model.last('parameters'))
  Map inherited = [skipCheckout: false]
  withOptions(model.last('options'), inherited) {
    onAgent(model.last('agent'), inherited) {
      withVariables(model.last('environment')) {
        withPost(model.last('post')) {
          runStages(read('stages', model.last('stages')), inherited)
        }
      }
    }
  }
}

/** Evaluates a block, which may contain steps, and returns what it said. */
Section read(String kind, Closure body) {
  Section section = new Section(kind)
  body.delegate = section
  body.resolveStrategy = Closure.DELEGATE_FIRST
  body.call()
  return section
}

/** Runs a block of steps; names mean steps there, not directives of the blocks around. */
Object runSteps(Closure body) {
  body.delegate = body.thisObject
  body.resolveStrategy = Closure.DELEGATE_ONLY
  return body.call()
}

void declareParameters(Object block) {
  if (block == null) {
    return
  }
  List declared = []
  for (one in read('parameters', block).calls()) {
    switch (one.name) {
      case 'string': declared.add(string(one.args[0])); break
      case 'booleanParam': declared.add(booleanParam(one.args[0])); break
      default: declared.add(choice(one.args[0]))
    }
  }
  properties([parameters(declared)])
}

void withOptions(Object block, Map inherited, Closure inside) {
  Map timeLimit = null
  int attempts = 1
  if (block != null) {
    Section options = read('options', block)
    timeLimit = options.last('timeout')
    attempts = options.last('retry') ?: 1
    if (options.last('skipDefaultCheckout')) {
      inherited.skipCheckout = true
    }
  }
  if (timeLimit != null) {
    timeout(timeLimit) { withRetry(attempts, inside) }
  } else {
    withRetry(attempts, inside)
  }
}

void withRetry(int attempts, Closure inside) {
  if (attempts > 1) {
    retry(attempts) { inside.call() }
  } else {
    inside.call()
  }
}

void onAgent(Object spec, Map inherited, Closure inside) {
  if (spec == null || spec == 'none') {
    inside.call()
  } else if (spec == 'any') {
    node { checkedOut(inherited, inside) }
  } else {
    Section agent = read('agent', spec)
    if (agent.last('kubernetes') != null) {
      inPod(read('kubernetes', agent.last('kubernetes')), inherited, inside)
    } else {
      Object label = agent.last('label')
      if (label == null) {
        label = read('agent', agent.last('node')).last('label')
      }
      node(label) { checkedOut(inherited, inside) }
    }
  }
}

void inPod(Section pod, Map inherited, Closure inside) {
  Map template = [:]
  for (key in ['yaml', 'cloud', 'namespace', 'inheritFrom', 'showRawYaml']) {
    if (pod.last(key) != null) {
      template[key] = pod.last(key)
    }
  }
  String name = pod.last('defaultContainer')
  podTemplate(template) {
    node(env.POD_LABEL) {
      if (name == null || name == 'jnlp') {
        checkedOut(inherited, inside)
      } else {
        container(name) { checkedOut(inherited, inside) }
      }
    }
  }
}

void checkedOut(Map inherited, Closure inside) {
  if (inherited.skipCheckout || !Section.hasScm()) {
    inside.call()
    return
  }
  Map facts = [:]
  stage('Declarative: Checkout SCM') {
    facts = checkout(scm)
  }
  List variables = []
  for (fact in facts) {
    variables.add(fact.key + '=' + fact.value)
  }
  withEnv(variables) { inside.call() }
}

void withVariables(Object block, Closure inside) {
  if (block == null) {
    inside.call()
    return
  }
  List plain = []
  List secret = []
  for (one in read('environment', block).assigned()) {
    String id = Section.credentialId(one.value)
    if (id == null) {
      plain.add(one.key + '=' + one.value)
    } else {
      secret.add(binding(one.key, id))
    }
  }
  withEnv(plain) {
    if (secret.isEmpty()) {
      inside.call()
    } else {
      withCredentials(secret) { inside.call() }
    }
  }
}

Object binding(String name, String id) {
  switch (Section.credentialType(id)) {
    case 'usernamePassword':
      return usernamePassword(
        credentialsId: id, usernameVariable: name + '_USR', passwordVariable: name + '_PSW')
    case 'string': return string(credentialsId: id, variable: name)
    case 'file': return file(credentialsId: id, variable: name)
    default:
      return sshUserPrivateKey(
        credentialsId: id, keyFileVariable: name, usernameVariable: name + '_USR')
  }
}

void runStages(Section stages, Map inherited) {
  for (one in stages.calls()) {
    runStage(one.args[0].toString(), one.args[1], inherited)
  }
}

void runStage(String name, Closure body, Map inherited) {
  stage(name) {
    Section model = read('stage', body)
    Map own = [skipCheckout: inherited.skipCheckout]
    if (!wanted(model.last('when'))) {
      echo "Stage \"${name}\" skipped due to when conditional"
      return
    }
    withOptions(model.last('options'), own) {
      onAgent(model.last('agent'), own) {
        withVariables(model.last('environment')) {
          withPost(model.last('post')) { runContent(model, own) }
        }
      }
    }
  }
}

void runContent(Section model, Map inherited) {
  if (model.last('steps') != null) {
    runSteps(model.last('steps'))
  } else if (model.last('stages') != null) {
    runStages(read('stages', model.last('stages')), inherited)
  } else if (model.last('parallel') != null) {
    Map branches = [failFast: model.last('failFast') == true]
    for (one in read('parallel', model.last('parallel')).calls()) {
      String name = one.args[0].toString()
      Closure content = one.args[1]
      branches[name] = { runStage(name, content, inherited) }
    }
    parallel(branches)
  } else {
    error('a stage needs steps, stages or parallel')
  }
}

boolean wanted(Object block) {
  if (block == null) {
    return true
  }
  for (one in read('when', block).calls()) {
    if (!holds(one)) {
      return false
    }
  }
  return true
}

boolean holds(Map one) {
  Object argument = one.args.isEmpty() ? null : one.args[-1]
  switch (one.name) {
    case 'expression': return runSteps(argument) as boolean
    case 'branch': return env.BRANCH_NAME == argument.toString()
    case 'environment': return env.getProperty(argument.name) == argument.value
    case 'not': return !wanted(argument)
    case 'allOf': return wanted(argument)
    case 'anyOf':
      for (other in read('when', argument).calls()) {
        if (holds(other)) {
          return true
        }
      }
      return false
    default: return true // beforeAgent: conditions are always asked first here
  }
}

void withPost(Object block, Closure inside) {
  if (block == null) {
    inside.call()
    return
  }
  Throwable failure = null
  try {
    inside.call()
  } catch (Throwable e) {
    failure = e
    Section.worsen(e instanceof org.jenkinsci.plugins.workflow.steps.FlowInterruptedException
      ? e.result : 'FAILURE')
  }
  Section post = read('post', block)
  String result = Section.currentResult()
  for (condition in ['always', 'changed', 'fixed', 'aborted', 'failure', 'success', 'unstable',
      'unsuccessful', 'cleanup']) {
    if (post.last(condition) != null && applies(condition, result)) {
      runSteps(post.last(condition))
    }
  }
  if (failure != null) {
    throw failure
  }
}

boolean applies(String condition, String result) {
  switch (condition) {
    case ['always', 'cleanup']: return true
    case ['changed', 'fixed']: return false // there is no earlier build to differ from
    case 'unsuccessful': return result != 'SUCCESS'
    default: return result == condition.toUpperCase()
  }
}

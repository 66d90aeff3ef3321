package podwright

/** Makes the bindings of credentials, which are objects of Jenkins' steps. */
class Bindings implements Serializable {
  private static final long serialVersionUID = 1L

  private final Object steps

  /** @param steps the script that was called */
  Bindings(Object steps) {
    this.steps = steps
  }

  /** Returns what withCredentials takes, for the bindings of Requests.prepare. */
  List of(List wanted) {
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
}

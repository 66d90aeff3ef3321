package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'c14658495b66a3650dfe018a399713e9e4f117ad5e4c380ba3aadd31ab08986d'
  static final String JOBS_SUM = 'bba4c5ae7531209070f90032b2d7cf8c7e14c221bdbe544ffaa5be4a09513e3c'

  private static final long serialVersionUID = 1L
}

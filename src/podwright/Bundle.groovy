package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '6a14e05d3c1c7b53ef7b579683cdd51800fb6abcc9ca2194c7a7eec30ef2f9cd'
  static final String JOBS_SUM = '5dad786ccaf71ebb4d1b928afc5ecc8efb3741933d3c75f8964e905d66226b52'

  private static final long serialVersionUID = 1L
}
